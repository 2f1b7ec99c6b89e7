"""Text files: endings, encodings, compression, comments, delimiters, quotes, odd names."""

from __future__ import annotations

import bz2
import gzip
import lzma
from pathlib import Path

import pyarrow as pa

from .case import Answer, case, edges

ABC = Answer(edges("Ada Bob, Bob Cleo"))
HEAVY = Answer(edges("Ada Bob, Bob Cleo"), (0.5, 2.0))
UMLAUTS = Answer(edges("Jürgen Zoë, Zoë Łukasz"))
LATIN = Answer(edges("Jürgen Zoë, Zoë Café"))
_PLAIN = "source,target\nAda,Bob\nBob,Cleo\n"
_LATIN = "source,target\nJürgen,Zoë\nZoë,Café\n"


def _zstd(content: str) -> bytes:
    return pa.compress(content.encode(), codec="zstd", asbytes=True)


PACKED = [
    case("gzip", "e.csv.gz", gzip.compress(_PLAIN.encode()), ABC),
    case("bzip2", "e.csv.bz2", bz2.compress(_PLAIN.encode()), ABC),
    case("xz", "e.csv.xz", lzma.compress(_PLAIN.encode()), ABC),
    case("zstandard", "e.csv.zst", _zstd(_PLAIN), ABC),
    case("large letters", "E.CSV", _PLAIN, ABC),
    case("large letters, packed", "E.CSV.GZ", gzip.compress(_PLAIN.encode()), ABC),
    case(
        "gzip in two parts", "e.csv.gz", gzip.compress(b"source,target\nAda,Bob\n") + gzip.compress(b"Bob,Cleo\n"), ABC
    ),
    case("gzip without saying so", "e.csv", gzip.compress(_PLAIN.encode()), ABC, r"gz"),
    case("not gzip though it says so", "e.csv.gz", _PLAIN, ABC, r"gzip|decompress"),
    case("cut gzip", "e.csv.gz", gzip.compress((_PLAIN * 500).encode())[:-20], None, r"gzip|decompress|cut|end"),
    case("cut xz", "e.csv.xz", lzma.compress((_PLAIN * 500).encode())[:-20], None, r"xz|decompress|cut|end"),
]

ENCODED = [
    case("UTF-8 with BOM", "e.csv", "\ufeff" + _PLAIN, ABC),
    case("umlauts", "e.csv", "source,target\nJürgen,Zoë\nZoë,Łukasz\n", UMLAUTS),
    case(
        "Chinese and emoji", "e.csv", "source,target\n李雷,韩梅梅\n韩梅梅,🐱\n", Answer(edges("李雷 韩梅梅, 韩梅梅 🐱"))
    ),
    case("UTF-16 with BOM", "e.csv", _LATIN.encode("utf-16"), LATIN, "encoding|UTF-16"),
    case("UTF-16 by hand", "e.csv", _LATIN.encode("utf-16"), LATIN, encoding="utf-16"),
    case("UTF-16 without BOM", "e.csv", _LATIN.encode("utf-16-le"), LATIN, "encoding|UTF-16"),
    case(
        "Excel Unicode text",
        "e.txt",
        "\ufeffsource\ttarget\r\nAda\tBob\r\nBob\tCleo\r\n".encode("utf-16-le"),
        ABC,
        "encoding|UTF-16",
    ),
    case("Latin-1", "e.csv", _LATIN.encode("latin-1"), None, "line 2.*encoding"),
    case("Latin-1 by hand", "e.csv", _LATIN.encode("latin-1"), LATIN, encoding="latin-1"),
    case(
        "Latin-1 far down",
        "e.csv",
        (_PLAIN + "Bob,Cleo\n" * 200_000 + "Zoë,Ada\n").encode("latin-1"),
        None,
        "line 200004.*encoding",
    ),
    case("an encoding that is none", "e.csv", _PLAIN, None, "encoding", encoding="klingon"),
]

LINES = [
    case("CRLF", "e.csv", _PLAIN.replace("\n", "\r\n"), ABC),
    case("lone CR", "e.csv", _PLAIN.replace("\n", "\r"), ABC),
    case("line ends of all kinds", "e.csv", "source,target\r\nAda,Bob\nBob,Cleo\r\n\n", ABC),
    case("no line end at the end", "e.csv", _PLAIN[:-1], ABC),
    case("blank lines", "e.csv", "\n\nsource,target\n\nAda,Bob\n\n\nBob,Cleo\n\n", ABC),
    case("blank lines of spaces", "e.csv", "source,target\n   \nAda,Bob\n \t \nBob,Cleo\n", ABC),
    case("error after blank lines", "e.csv", "source,target\n\n\nAda,Bob\n\nCleo,\n", None, "line 6"),
    case(
        "error after a cell of several lines",
        "e.csv",
        'source,target,note\nAda,Bob,"a\nb\nc"\nCleo,,x\n',
        None,
        "line 5",
    ),
    case("cell of several lines", "e.csv", 'source,target,note\nAda,Bob,"first\nsecond"\nBob,Cleo,x\n', ABC),
    case(
        "cell of several lines, CRLF", "e.csv", 'source,target,note\r\nAda,Bob,"first\r\nsecond"\r\nBob,Cleo,x\r\n', ABC
    ),
    case(
        "cell of several lines, 2 MB",
        "e.csv",
        'source,target,note\nAda,Bob,"' + "word\n" * 400_000 + '"\nBob,Cleo,x\n',
        ABC,
    ),
    case("cell of 2 MB", "e.csv", f"source,target,note\nAda,Bob,{'x' * 2_000_000}\nBob,Cleo,x\n", ABC),
    case(
        "cells of several lines, 2 MB of lines",
        "e.csv",
        "source,target,note\n" + 'Ada,Bob,"a\nb"\n' * 150_000 + "Bob,Cleo,x\n",
        ABC,
    ),
    case(
        "name of several lines",
        "e.csv",
        'source,target\n"Ada\nLovelace",Bob\nBob,Cleo\n',
        Answer([("Ada\nLovelace", "Bob"), ("Bob", "Cleo")]),
    ),
    case(
        "names of several lines, 2 MB of them",
        "e.csv",
        "source,target\n" + '"Ada\nLovelace","Bob ""B"", Jr.\n"\n' * 80_000 + '"Bob ""B"", Jr.\n",Cleo\n',
        Answer([("Ada\nLovelace", 'Bob "B", Jr.')] * 80_000 + [('Bob "B", Jr.', "Cleo")]),
    ),
    case(
        "error after names of several lines, 2 MB of them",
        "e.csv",
        "source,target,weight\n" + '"Ada\nLovelace",Bob,1\n' * 80_000 + "Bob,Cleo,heavy\n",
        None,
        "line 160002.*heavy",
    ),
    case(
        "name of several lines in a table of tabs",
        "e.tsv",
        'source\ttarget\n"Ada\nLovelace"\tBob\nBob\tCleo\n',
        Answer([("Ada\nLovelace", "Bob"), ("Bob", "Cleo")]),
    ),
    case(
        "quote without an end, and another one later",
        "e.csv",
        'source,target,note\nAda,Bob,"first\nBob,Cleo,x\nCleo,Dora,"y"\nDora,Eve,z\n',
        None,
        "line 2.*quot",
    ),
    case(
        "text behind a quoted cell of several lines",
        "e.csv",
        'source,target,note\nAda,Bob,x\nBob,Cleo,"a\nb" c\n',
        None,
        "line 3.*quot",
    ),
    case("quote without an end", "e.csv", 'source,target\n"Ada,Bob\nBob,Cleo\n', None, "line|quot"),
    case("ragged: a cell more", "e.csv", "source,target\nAda,Bob\nBob,Cleo,Dan\n", None, "line 3"),
    case("ragged: a cell less", "e.csv", "source,target\nAda,Bob\nCleo\nBob,Cleo\n", None, "line 3"),
    case(
        "ragged: commas in text without quotes",
        "e.csv",
        "source,target,note\nAda,Bob,hello\nBob,Cleo,well, well\n",
        ABC,
        "line 3",
    ),
    case("NUL bytes", "e.csv", "source,target\nAda\x00,Bob\nBob,Cleo\n", None, "line 2|binary|NUL|byte"),
]

COMMENTS = [
    case("comment lines of #", "e.csv", "# made by hand\n# today\nsource,target\nAda,Bob\nBob,Cleo\n", ABC),
    case("comment lines of %", "e.txt", "% made by hand\nAda Bob\nBob Cleo\n", ABC),
    case("comment lines of //", "e.csv", "// made by hand\nAda,Bob\nBob,Cleo\n", ABC, "comment|line 1"),
    case(
        "comment lines of // by hand", "e.csv", "// made by hand\nsource,target\nAda,Bob\nBob,Cleo\n", ABC, comment="//"
    ),
    case("titles behind #", "e.csv", "#source,target\nAda,Bob\nBob,Cleo\n", ABC),
    case("titles behind #, and weight", "e.tsv", "#source\ttarget\tweight\nAda\tBob\t0.5\nBob\tCleo\t2\n", HEAVY),
    case("comment in the middle", "e.txt", "Ada Bob\n# a pause\nBob Cleo\n", ABC),
    case("names with #", "e.csv", "source,target\n#python,#java\n#java,C#\n", Answer(edges("#python #java, #java C#"))),
    case(
        "names with # in a TSV",
        "e.tsv",
        "source\ttarget\nC#\t#java\n#java\t#python\n",
        Answer(edges("C# #java, #java #python")),
    ),
    case(
        "nothing but names with #",
        "e.csv",
        "#python,#java\n#java,#rust\n",
        Answer(edges("#python #java, #java #rust")),
        "comment",
    ),
    case(
        "nothing but names with # by hand",
        "e.csv",
        "#python,#java\n#java,#rust\n",
        Answer(edges("#python #java, #java #rust")),
        comment="",
        header=False,
    ),
    case("names with %", "e.csv", "source,target\n%a,%b\n%b,50%\n", Answer(edges("%a %b, %b 50%"))),
]

DELIMITED = [
    case("tabs", "e.tsv", "Ada\tBob\nBob\tCleo\n", ABC),
    case("tabs in .csv", "e.csv", "Ada\tBob\nBob\tCleo\n", ABC),
    case(
        "tabs in .txt, names with spaces",
        "e.txt",
        "New York\tLos Angeles\nLos Angeles\tSan José\n",
        Answer([("New York", "Los Angeles"), ("Los Angeles", "San José")]),
    ),
    case("commas in .tsv", "e.tsv", "Ada,Bob\nBob,Cleo\n", ABC, "delimiter"),
    case("commas in .txt", "e.txt", "Ada, Bob\nBob, Cleo\n", ABC),
    case(
        "tabs and spaces mixed",
        "e.txt",
        "Ada\tBob\nBob Cleo\n Cleo  \t Dan \n",
        Answer(edges("Ada Bob, Bob Cleo, Cleo Dan")),
        "delimiter|line 2",
    ),
    case("aligned with spaces", "e.txt", "  Ada     Bob  0.5\n  Bob    Cleo    2\n", HEAVY),
    case("spaces in .csv", "e.csv", "Ada Bob\nBob Cleo\n", ABC, "delimiter"),
    case("pipes", "e.csv", "source|target\nAda|Bob\nBob|Cleo\n", ABC, "delimiter"),
    case("pipes by hand", "e.csv", "source|target\nAda|Bob\nBob|Cleo\n", ABC, delimiter="|"),
    case("double colons by hand", "e.txt", "Ada::Bob::0.5\nBob::Cleo::2\n", HEAVY, delimiter="::"),
    case(
        "semicolons, names with commas",
        "e.csv",
        "source;target\nDoe, J.;Roe, R.\nRoe, R.;Poe, E.\n",
        Answer([("Doe, J.", "Roe, R."), ("Roe, R.", "Poe, E.")]),
    ),
    case("commas, names with semicolons", "e.csv", "source,target\na;b,c;d\nc;d,e\n", Answer(edges("a;b c;d, c;d e"))),
    case(
        "commas in quotes",
        "e.csv",
        'source,target\n"Doe, J.","Roe, R."\n"Roe, R.",Poe\n',
        Answer([("Doe, J.", "Roe, R."), ("Roe, R.", "Poe")]),
    ),
    case(
        "doubled quotes",
        "e.csv",
        'source,target\n"The ""Boss""",Bob\nBob,"""x"""\n',
        Answer([('The "Boss"', "Bob"), ("Bob", '"x"')]),
    ),
    case(
        "quotes in the middle",
        "e.tsv",
        'source\ttarget\n5" disk\t3" disk\n3" disk\ttape\n',
        Answer([('5" disk', '3" disk'), ('3" disk', "tape")]),
        "line|quot",
    ),
    case(
        "backslashes",
        "e.csv",
        "source,target\nC:\\temp,D:\\data\nD:\\data,E\\\n",
        Answer([("C:\\temp", "D:\\data"), ("D:\\data", "E\\")]),
    ),
    case(
        "names of missing values",
        "e.csv",
        "source,target\nNA,null\nnull,None\nNone,NaN\nNaN,n/a\n",
        Answer(edges("NA null, null None, None NaN, NaN n/a")),
    ),
    case("truth as names", "e.csv", "source,target\ntrue,false\nfalse,yes\n", Answer(edges("true false, false yes"))),
    case("formulas as names", "e.csv", "source,target\n=1+1,@x\n@x,+y\n", Answer(edges("=1+1 @x, @x +y"))),
    case("an ending that says nothing", "edges.data", "source,target\nAda,Bob\nBob,Cleo\n", ABC, "input.format"),
    case("no ending", "edges", "source,target\nAda,Bob\nBob,Cleo\n", ABC, "input.format"),
    case(
        "an ending that says nothing, by hand",
        "edges.data",
        "source,target\nAda,Bob\nBob,Cleo\n",
        ABC,
        input_format="csv",
    ),
]

_JSON = '{"nodes": [{"id": "Ada"}, {"id": "Bob"}], "links": [{"source": "Ada", "target": "Bob"}]}'
_ROWS = '{"source": "Ada", "target": "Bob"}\n{"source": "Bob", "target": "Cleo"}\n'
_PAGE = "<!DOCTYPE html>\n<html><head><title>Sign in, please</title></head>\n<body>a,b</body></html>\n"


def _png(path: Path) -> None:
    path.write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256)) * 8)


def _excel(path: Path) -> None:
    import zipfile

    with zipfile.ZipFile(path, "w") as file:
        file.writestr("xl/workbook.xml", "<workbook/>")


NO_TABLES = [
    case("header alone", "e.csv", "source,target\n", None, "header|no edges"),
    case("empty", "e.csv", "", None, "empty"),
    case("empty, packed", "e.csv.gz", gzip.compress(b""), None, "empty"),
    case("white space", "e.csv", "\n \n\t\n", None, "empty"),
    case("comments alone", "e.txt", "# nothing\n# here\n", None, "empty|no edges|comment"),
    case("one column", "e.csv", "Ada\nBob\nCleo\n", None, "one column|two|delimiter"),
    case("one column and a title", "e.txt", "name\nAda\nBob\n", None, "one column|two|delimiter"),
    case("picture", "e.csv", _png, None, "binary|not text|UTF-8|NUL|encoding"),
    case("Excel's own file named .csv", "e.csv", _excel, None, "binary|zip|Excel|UTF-8|NUL|encoding"),
    case("Excel's own file", "e.xlsx", _excel, None, "csv|Excel"),
    case("page of a web site", "e.csv", _PAGE, None, "HTML|web page"),
    case("JSON named .csv", "e.csv", _JSON, None, "JSON"),
    case("JSON", "e.json", _JSON, Answer(edges("Ada Bob"))),
    case("JSON lines", "e.jsonl", _ROWS, ABC),
    case("JSON lines named .txt", "e.txt", _ROWS, None, "JSON"),
    case(
        "prose",
        "e.txt",
        "Once upon a time there was a graph.\nIt had no edges.\n\nThe end.\n",
        None,
        "line|columns|delimiter",
    ),
]

CASES = [*PACKED, *ENCODED, *LINES, *COMMENTS, *DELIMITED, *NO_TABLES]
