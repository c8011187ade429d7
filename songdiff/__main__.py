"""``python -m songdiff``, and ``accelerate launch -m songdiff train RECIPE``."""

from .cli.main import main

main()
