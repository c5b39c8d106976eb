"""``python -m serving``: the command line where the product lies as files and was not installed."""

from serving.cli import main

main()
