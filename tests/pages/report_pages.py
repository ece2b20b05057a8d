"""The pages that tests/scripts/full/check_pages.sh makes for check_report.py, whose arguments are
the program and their folder."""
import pathlib
import subprocess
import sys

from rounded_run import page_data

app, folder = sys.argv[1], pathlib.Path(sys.argv[2])


def mnist_vae(*arguments):
    done = subprocess.run([app, *map(str, arguments)], capture_output=True, text=True, cwd=folder)
    if done.returncode != 0:
        raise SystemExit(f"mnist_vae {arguments}: {done.stderr}")
    return done.stdout


def open_two(browser):
    """Opens the page of the run `two`, and returns its data."""
    page = folder / "two/report.html"
    browser.open(page)
    browser.frame()
    return page_data(page)["runs"][0]
