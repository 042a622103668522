"""``python -m bounced``."""

from bounced.cli import main

if __name__ == "__main__":
    main()
