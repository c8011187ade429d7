"""The one error that users meet."""


class InputError(ValueError):
    """What the user gave cannot be used. The message is one line that names the file, line or field and the remedy;
    the command line prints it and exits with code 2."""
