#!/usr/bin/env python3
"""Prints a header as Doxygen wants to read it; docs/Doxyfile names this as its filter.

The headers are written for those who read them: plain comments, a formula indented as it would be on
paper. Here, line by line so that warnings name the right line,

- the comment before a declaration, or behind one on its line, becomes a documentation comment;
- the comment at the top becomes the documentation of the file;
- indented lines are kept as they are, as verbatim text;
- a comment above several declarations without an empty line between them documents each of them.
"""
import re
import sys

COMMENT = re.compile(r"^(\s*)//( ?.*)$")
TRAILING = re.compile(r"^(.*\S.*[;,{)}\w])(\s+)// (.*)$")
INDENTED = re.compile(r"^ {3,}\S")


def escape(text):
    """Text for Markdown: what stands for itself in the headers stays so."""
    return re.sub(r"([<>*_#@\\\[\]~|])", r"\\\1", text) if text.strip() else text


def document(texts, indent, end=""):
    """The documentation comment for the lines of a plain one, as many lines; `end` is its last word."""
    result, verbatim = [], False
    for text in texts:
        command = ""
        if INDENTED.match(text):
            # A formula: from here to the next line that is not indented.
            if not verbatim:
                command, verbatim = " @verbatim ", True
                margin = len(text) - len(text.lstrip())
            text = text[min(margin, len(text) - len(text.lstrip())):]
        elif text.strip():
            if verbatim:
                command, verbatim = " @endverbatim ", False
            text = escape(text)
        result.append(indent + command + text)
    if verbatim:
        result[-1] += " @endverbatim"
    result[0] = "/**" + result[0]
    result[-1] += f"{end} */"
    return result


def document_trailing(line):
    """A line with the comment behind its code, if there is one."""
    match = TRAILING.match(line)
    if not match or match[1].lstrip().startswith(("}", "#")):
        return line
    return f"{match[1]}{match[2]}///< {escape(match[3])}"


def paragraphs(lines):
    """The runs of lines without an empty one between them, and the empty ones."""
    run = []
    for line in lines:
        if line.strip():
            run.append(line)
            continue
        yield run
        yield [line]
        run = []
    yield run


def split_comment(lines):
    """How many lines a comment at the start of these has."""
    return next((i for i, line in enumerate(lines) if not COMMENT.match(line)), len(lines))


def split_end(code, indent):
    """The lines of a comment's own scope, and those that end it."""
    length = len(code)
    while length and not code[length - 1].startswith(indent):
        length -= 1
    return code[:length], code[length:]


def is_group(code):
    """Whether the lines are several whole declarations."""
    text = "\n".join(re.sub(r"//.*", "", line) for line in code)
    return text.count("{") == text.count("}") and len(re.findall(r"[;}]$", text, re.M)) > 1


def main():
    lines = open(sys.argv[1], encoding="utf-8").read().split("\n")
    out = []
    for paragraph in paragraphs(lines):
        while paragraph:
            comment = paragraph[:split_comment(paragraph)]
            rest = paragraph[len(comment):]
            length = next((i for i, line in enumerate(rest) if COMMENT.match(line)), len(rest))
            code, paragraph = rest[:length], rest[length:]
            texts = [COMMENT.match(line)[2] for line in comment]
            if comment and not out:
                out += document(texts, "", " @file")
            elif comment and code:
                indent = COMMENT.match(comment[0])[1]
                documented = document(texts, indent)
                code, end = split_end(code, indent)
                if is_group(code):
                    documented[0] = "/**@{*/" + documented[0]
                    code[-1] += " /**@}*/"
                out += documented
                code += end
            else:
                out += comment
            out += [document_trailing(line) for line in code]
    sys.stdout.write("\n".join(out))


if __name__ == "__main__":
    main()
