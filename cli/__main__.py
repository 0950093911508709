"""`python -m cli` is `casement`, wherever the script is not installed."""

from cli.main import app

if __name__ == "__main__":
    app(prog_name="casement")
