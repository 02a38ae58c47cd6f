"""``python -m novum`` is the ``novum`` command."""

from novum.cli import main

main()
