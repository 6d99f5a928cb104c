"""Recommenders that know no language, one a file: `fit(train, items, validation)` once, then `scores(case)`.

Counted ones (popularity, recent popularity, item-kNN) look only at what came before a case's target; trained ones
(GRU4Rec, SASRec) have seen the training users' whole logs, as an adapter has.
"""
