#!/usr/bin/env python3
"""Holds the documentation to what is there: documentation.py ROOT BUILD FILE.md...

To be run in an empty folder, with HANDGRAD_DATA naming a small data set. Prints a line for each
case, "ok - ..." or "not ok - ..." with what was found below it.

A fenced block says what it is, and that decides what is done with it:

    cpp     below a line that links to a source file and ends with a colon: it is to be found there,
            apart from its indentation. Otherwise it is compiled without a warning and, if it has a
            main(), run
    sh      commands of mnist_vae are run, training for one epoch; of others, the program and every
            option are to be there
    python  run beside the bundled digits, unpacked
    text    what is no code: formulas, output

A file whose blocks need more packages has a script in tests/scripts/full that runs "every block of" it,
in these words; here its commands are only looked up, and its Python is only parsed.

Every option in a code span is to be in some --help or script, and every relative link leads to a
file.
"""
import gzip
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import textwrap

SECONDS = 300
# What a block may call beside the project's own programs.
TOOLS = {"meson", "ninja", "git", "g++", "cmake", "mpirun", "apt-get", "cd"}
WARNINGS = ["-std=c++20", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]


def report(what: str, problem: str = "") -> None:
    print(("not ok - " if problem else "ok - ") + what)
    if problem:
        print(textwrap.indent(problem.rstrip(), "    "))


def run(words: list, **options) -> subprocess.CompletedProcess:
    return subprocess.run(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=SECONDS,
        check=False,
        **options,
    )


def failure(done: subprocess.CompletedProcess) -> str:
    return f"status {done.returncode}\n{done.stdout}" if done.returncode else ""


class Block:
    def __init__(self, file: str, line: int, kind: str, before: str):
        self.place = f"{file}:{line}"
        self.kind = kind
        self.before = before  # the line of text above it
        self.lines: list[str] = []

    def text(self) -> str:
        return "\n".join(self.lines) + "\n"


def split_blocks(file: str, text: str) -> tuple[list[Block], str]:
    """The fenced blocks, and the text without them."""
    blocks, prose, before, block = [], [], "", None
    for number, line in enumerate(text.splitlines(), 1):
        fence = re.match(r" *```(.*)", line)
        if block is not None:
            if fence:
                blocks.append(block)
                block = None
            else:
                block.lines.append(line)
        elif fence:
            block = Block(file, number, fence[1].strip(), before)
        else:
            prose.append(line)
            before = line.strip() or before
    if block is not None:
        report(f"{block.place}: the block ends", "it does not")
    return blocks, "\n".join(prose)


class Checker:
    def __init__(self, root: pathlib.Path, build: pathlib.Path):
        self.root, self.build = root, build
        self.mnist_vae = build / "apps/mnist_vae/mnist_vae"
        self.kernel_bench = build / "apps/kernel_bench/kernel_bench"
        # Those of which options alone are looked up.
        self.others = [self.kernel_bench, build / "apps/mnist_mlp/mnist_mlp"]
        self.helps: dict[str, str] = {}
        full = root.glob("tests/scripts/full/*.sh")
        self.full_tests = "\n".join(path.read_text(encoding="utf-8") for path in full)

    # --- What there is ---

    def help_of(self, *command: str) -> str:
        key = " ".join(command)
        if key not in self.helps:
            self.helps[key] = run([*command, "--help"]).stdout
        return self.helps[key]

    def every_help(self) -> str:
        """All that may stand in a code span: of the commands of mnist_vae, of kernel_bench, and what
        scripts and build files say."""
        if "" not in self.helps:
            texts = [self.help_of(str(program)) for program in [self.mnist_vae, *self.others]]
            texts += [self.help_of(str(self.mnist_vae), name) for name in self.commands()]
            for suffix in ("sh", "py", "build", "txt"):
                for path in self.root.glob(f"[a-z]*/**/*.{suffix}"):
                    if self.build not in path.parents and "build" not in path.parts:
                        texts.append(path.read_text(encoding="utf-8", errors="replace"))
            texts.append((self.root / "meson_options.txt").read_text(encoding="utf-8"))
            self.helps[""] = "\n".join(texts)
        return self.helps[""]

    def commands(self) -> list[str]:
        return re.findall(r"^  ([a-z][a-z-]+) {2,}", self.help_of(str(self.mnist_vae)), re.MULTILINE)

    @staticmethod
    def has_option(text: str, option: str) -> bool:
        return re.search(re.escape(option) + r"(?![\w-])", text) is not None

    def is_run_elsewhere(self, block: Block) -> bool:
        file = block.place.split(":")[0]
        return f"every block of {file} " in self.full_tests

    # --- Blocks ---

    def check(self, block: Block) -> None:
        kinds = {"cpp": self.cpp, "sh": self.sh, "python": self.python, "text": self.text}
        if block.kind not in kinds:
            found = f"kind '{block.kind}', expected one of {', '.join(kinds)}"
            report(f"{block.place}: the kind of the block is known", found)
            return
        kinds[block.kind](block)

    def text(self, block: Block) -> None:
        commands = [line for line in block.lines if re.match(r"(mnist_vae|tests/|apps/)\S* ", line)]
        report(f"{block.place}: no commands in a text", "\n".join(commands))

    def cpp(self, block: Block) -> None:
        source = re.match(r".*\]\(([^)]+)\):$", block.before)
        if source:
            self.fragment(block, (self.root / block.place).parent / source[1])
            return
        program = pathlib.Path("block.cpp")
        program.write_text(block.text(), encoding="utf-8")
        has_main = "int main(" in block.text()
        command = [os.environ.get("CXX", "g++"), *WARNINGS, f"-I{self.build}/fwd", str(program)]
        if has_main:
            libraries = ["-lz", "-lnettle", "-fopenmp"]
            command += ["-o", "block", str(self.build / "libhandgrad.a"), *libraries]
        else:
            command += ["-c", "-o", "block.o"]
        done = run(command)
        if done.returncode == 0 and has_main:
            done = run(["./block"])
        report(f"{block.place}: compiles and runs", failure(done))

    def fragment(self, block: Block, path: pathlib.Path) -> None:
        """Paragraph by paragraph: between two functions there may be others in the source."""
        source = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
        missing = []
        for paragraph in re.split(r"\n\s*\n", block.text().strip()):
            lines = [line.strip() for line in paragraph.splitlines()]
            places = range(len(source) - len(lines) + 1)
            if not any(source[i : i + len(lines)] == lines for i in places):
                missing.append(paragraph)
        name = path.resolve().relative_to(self.root)
        report(f"{block.place}: is in {name}", "\n\n".join(missing))

    def python(self, block: Block) -> None:
        if self.is_run_elsewhere(block):
            done = run([sys.executable, "-c", f"compile({block.text()!r}, 'block', 'exec')"])
            report(f"{block.place}: is Python", failure(done))
            return
        folder = pathlib.Path("python")
        folder.mkdir()
        for packed in self.root.glob("apps/mnist_vae/sample/*.gz"):
            (folder / packed.stem).write_bytes(gzip.decompress(packed.read_bytes()))
        done = run([sys.executable, "-c", block.text()], cwd=folder)
        problem = failure(done)
        for packed in self.root.glob("apps/mnist_vae/sample/*.gz"):
            made = folder / packed.name
            if not made.exists() or gzip.decompress(made.read_bytes()) != gzip.decompress(
                packed.read_bytes()
            ):
                problem += f"{packed.name} is not made again\n"
        report(f"{block.place}: makes the bundled digits of themselves", problem)

    # --- Commands ---

    def sh(self, block: Block) -> None:
        for line in block.lines:
            words = shlex.split(line, comments=True)
            if words:
                what = f"{block.place}: {line.split(' #')[0].strip()}"
                self.command(what, words, self.is_run_elsewhere(block))

    def command(self, what: str, words: list[str], run_elsewhere: bool) -> None:
        name, arguments = words[0], words[1:]
        if name.rsplit("/", 1)[-1] == "mnist_vae":
            if run_elsewhere:
                self.options(what, arguments, self.help_of(str(self.mnist_vae), arguments[0]))
            else:
                self.run_mnist_vae(what, arguments)
        elif other := [p for p in self.others if p.name == name.rsplit("/", 1)[-1]]:
            self.options(what, arguments, self.help_of(str(other[0])))
        elif (self.root / name).is_file() and os.access(self.root / name, os.X_OK):
            self.options(what, arguments, (self.root / name).read_text(encoding="utf-8"))
        elif name in TOOLS:
            report(what)
        else:
            report(what, f"there is no {name}")

    def options(self, what: str, arguments: list[str], text: str) -> None:
        named = [a.split("=")[0] for a in arguments if a.startswith("--")]
        unknown = [name for name in named if not self.has_option(text, name)]
        report(what, "unknown: " + " ".join(unknown) if unknown else "")

    def run_mnist_vae(self, what: str, arguments: list[str]) -> None:
        if arguments[:1] == ["train"]:
            # Published curves are of all of MNIST, which is not here.
            for option in ("--epochs", "--compare-to"):
                while option in arguments:
                    at = arguments.index(option)
                    del arguments[at : at + 2]
            # So many images are held out there that none of the bundled ones would be left.
            arguments += ["--hold-out", "500"] if "flax" in arguments else []
            arguments += [] if "--help" in arguments else ["--epochs", "1"]
        if arguments[:1] == ["verify-determinism"]:
            arguments += ["--steps", "2"]
        # What they name of the project, and a picture of the user.
        if not os.path.lexists("apps"):
            os.symlink(self.root / "apps", "apps")
            shutil.copy(self.root / "docs/manifold.png", "my_digit.png")
        done = run([str(self.mnist_vae), *arguments])
        report(what, failure(done))

    # --- Text ---

    def spans(self, file: str, prose: str) -> None:
        """Code spans: every option and every command of mnist_vae in them. Those that begin with
        the name of another program are its own affair."""
        unknown = []
        for span in re.findall(r"`([^`\n]+)`", prose):
            words = span.split()
            if words and words[0] == "mnist_vae":
                del words[0]
                if words and re.fullmatch(r"[a-z][a-z-]*", words[0]):
                    if words[0] not in self.commands():
                        unknown.append(span)
            text = self.every_help()
            if words and words[0] in self.commands():
                text = self.help_of(str(self.mnist_vae), words[0])
            elif words and re.fullmatch(r"[a-z][a-z0-9]*", words[0]):
                continue
            for word in words:
                option = re.match(r"--[a-z][\w-]*", word)
                if option and not self.has_option(text, option[0]):
                    unknown.append(f"{option[0]} in `{span}`")
        report(f"{file}: every option that it names is there", "\n".join(sorted(set(unknown))))

    def links(self, file: str, prose: str) -> None:
        folder = (self.root / file).parent
        # Not in code spans, where brackets are brackets.
        targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", re.sub(r"`[^`\n]*`", "", prose))
        broken = [t for t in targets if "://" not in t and not (folder / t).exists()]
        report(f"{file}: every link leads to a file", "\n".join(broken))


def main() -> None:
    root, build = (pathlib.Path(path).resolve() for path in sys.argv[1:3])
    checker = Checker(root, build)
    for file in sys.argv[3:]:
        blocks, prose = split_blocks(file, (root / file).read_text(encoding="utf-8"))
        for block in blocks:
            checker.check(block)
        checker.spans(file, prose)
        checker.links(file, prose)


if __name__ == "__main__":
    main()
