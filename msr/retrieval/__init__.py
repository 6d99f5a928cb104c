"""A large catalogue cut down to the candidates worth scoring, by what items say and what their pictures show."""
