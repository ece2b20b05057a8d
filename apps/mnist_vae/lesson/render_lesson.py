#!/usr/bin/env python3
"""Makes of lesson.md.in the text of docs/vae-gradients.md and the body of the page.

    render_lesson.py ROOT LESSON.md.in WIDGETS.html OUTPUT.md OUTPUT.html DEPFILE

Into both it puts the lines of source that the lesson names, so that they are those of the program:

    ```source layers/dense.cpp
    dense_backward_input(                 a function, with the comment above it
    const auto head ... return losses;    from the line with the first text to that with the second
    ```

A text that is not in exactly one line ends the build. Lines "<!-- widget NAME -->" are replaced in
the page by that part of WIDGETS.html, or for "contents" by links to the sections; what stands between "<!-- document -->" and
"<!-- /document -->" is left out of the page. The numbers, {{name}}, come when the lesson is written.

The page needs no more of Markdown than headings, paragraphs, lists, fences, code spans, strong text,
links and tables. A relative link leads nowhere from a page that lies anywhere: its text stays.
"""
import html
import pathlib
import re
import sys
import textwrap

DOCUMENT_FOLDER = "../"  # from docs/ to the root


def fail(message: str) -> None:
    raise SystemExit(f"render_lesson.py: {message}")


# --- Lines of source ------------------------------------------------------------------------------


def find_line(lines: list[str], text: str, where: str) -> int:
    found = [i for i, line in enumerate(lines) if text in line]
    if len(found) != 1:
        fail(f"{where}: '{text}' is in {len(found)} lines, expected 1")
    return found[0]


def function_lines(lines: list[str], name: str, where: str) -> list[str]:
    """A function, from the comment above it to its closing brace."""
    found = [i for i, line in enumerate(lines) if line.lstrip().startswith(name)]
    found = [i for i in found if not lines[i].endswith(";")]
    if len(found) != 1:
        fail(f"{where}: '{name}' begins {len(found)} functions, expected 1")
    first = found[0]
    margin = lines[first][: -len(lines[first].lstrip())]
    while lines[first - 1].startswith((margin + "//", margin + "template")):
        first -= 1
    return lines[first : lines.index(margin + "}", found[0]) + 1]


def fragment(path: pathlib.Path, wanted: str) -> str:
    lines = path.read_text(encoding="ascii").splitlines()
    if " ... " not in wanted:
        return textwrap.dedent("\n".join(function_lines(lines, wanted, path.name)))
    first, last = (text.strip() for text in wanted.split(" ... "))
    begin = find_line(lines, first, path.name)
    end = next((i for i in range(begin, len(lines)) if last in lines[i]), None)
    if end is None:
        fail(f"{path.name}: no '{last}' after '{first}'")
    return textwrap.dedent("\n".join(lines[begin : end + 1]))


def source_block(root: pathlib.Path, name: str, wanted: list[str]) -> list[str]:
    parts = [fragment(root / name, text) for text in wanted]
    caption = f"[`{name}`]({DOCUMENT_FOLDER}{name}):"
    return [caption, "", "```cpp", *"\n\n".join(parts).splitlines(), "```"]


def insert_sources(root: pathlib.Path, lines: list[str]) -> tuple[list[str], list[pathlib.Path]]:
    result, used = [], []
    rest = iter(lines)
    for line in rest:
        if not line.startswith("```source "):
            result.append(line)
            continue
        name = line.split()[1]
        wanted = []
        for text in rest:
            if text == "```":
                break
            wanted.append(text)
        result += source_block(root, name, wanted)
        used.append(root / name)
    return result, used


# --- Markdown to HTML -----------------------------------------------------------------------------


def inline(text: str) -> str:
    """Code spans first: nothing in them is mark-up."""
    parts = re.split(r"(`[^`]+`)", text)
    for i, part in enumerate(parts):
        if part.startswith("`") and part.endswith("`") and len(part) > 1:
            parts[i] = f"<code>{html.escape(part[1:-1])}</code>"
            continue
        part = html.escape(part, quote=False)
        parts[i] = re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", part)
    joined = "".join(parts)
    joined = re.sub(r"\[([^\]]+)\]\((https://[^)\s]+)\)", r'<a href="\2">\1</a>', joined)
    return re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", joined)


def anchor(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def contents(lines: list[str]) -> str:
    """Links to the sections."""
    titles = [line[3:] for line in lines if line.startswith("## ")]
    links = "\n".join(f'<a href="#{anchor(title)}">{html.escape(title)}</a>' for title in titles)
    return f'<nav class="contents" aria-label="Sections">\n{links}\n</nav>'


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split(" | ")]


def table_html(lines: list[str]) -> str:
    """A table of texts: its header, the rule below it, and its rows."""
    header, _, *rows = lines

    def row_html(line: str, element: str) -> str:
        return "<tr>" + "".join(f"<{element}>{inline(c)}</{element}>" for c in cells(line)) + "</tr>"

    body = "\n".join(row_html(row, "td") for row in rows)
    return (
        f'<div class="scroll"><table class="texts">\n<thead>{row_html(header, "th")}</thead>\n'
        f"<tbody>{body}</tbody></table></div>"
    )


def to_html(lines: list[str], widgets: dict[str, str]) -> str:
    blocks, paragraph, items, rows = [], [], [], []

    def close() -> None:
        if paragraph:
            text = " ".join(paragraph)
            kind = ' class="source"' if re.fullmatch(r"\[`[^`]+`\]\([^)]+\):", text) else ""
            blocks.append(f"<p{kind}>{inline(text)}</p>")
            paragraph.clear()
        if items:
            blocks.append("<ul>" + "".join(f"<li>{inline(item)}</li>" for item in items) + "</ul>")
            items.clear()
        if rows:
            blocks.append(table_html(rows))
            rows.clear()

    rest = iter(lines)
    for line in rest:
        heading = re.fullmatch(r"(#+) (.*)", line)
        widget = re.fullmatch(r"<!-- widget (\w+) -->", line)
        if line == "<!-- document -->":
            close()
            for skipped in rest:
                if skipped == "<!-- /document -->":
                    break
        elif line.startswith("```"):
            close()
            kind, code = line[3:], []
            for inside in rest:
                if inside == "```":
                    break
                code.append(inside)
            content = html.escape("\n".join(code), quote=False)
            blocks.append(f'<pre class="{kind}" tabindex="0"><code>{content}</code></pre>')
        elif heading:
            close()
            level, title = len(heading[1]), heading[2]
            blocks.append(f'<h{level} id="{anchor(title)}">{inline(title)}</h{level}>')
        elif widget:
            close()
            blocks.append(contents(lines) if widget[1] == "contents" else widgets[widget[1]])
        elif line.startswith("{{table "):
            close()
            blocks.append(line)
        elif line.startswith("|"):
            rows.append(line)
        elif line.startswith("- "):
            if paragraph:
                close()
            items.append(line[2:])
        elif not line:
            close()
        elif items:
            items[-1] += " " + line.strip()
        else:
            paragraph.append(line)
    close()
    return "\n".join(blocks) + "\n"


def to_document(lines: list[str]) -> str:
    kept = [line for line in lines if not re.fullmatch(r"<!-- /?\w+( \w+)? -->", line)]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)) + "\n"


def read_widgets(path: pathlib.Path) -> dict[str, str]:
    parts = re.split(r"<!-- widget (\w+) -->\n", path.read_text(encoding="ascii"))
    return dict(zip(parts[1::2], (part.rstrip() for part in parts[2::2])))


def main() -> None:
    root, lesson, widget_file, document, page, depfile = map(pathlib.Path, sys.argv[1:])
    lines, used = insert_sources(root, lesson.read_text(encoding="ascii").splitlines())
    document.write_text(to_document(lines), encoding="ascii")
    body = to_html(lines, read_widgets(widget_file))
    page.write_text(f"<main>\n{body}</main>\n", encoding="ascii")
    depfile.write_text(f"{document} {page}: " + " ".join(map(str, used)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
