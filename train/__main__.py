"""`python -m train`: training and evaluation from the command line; see `train.cli`."""

from train.cli import main

if __name__ == "__main__":
    main()
