"""Files of kinds that nobody had tried: from Excel, R, databases and programs of one field, with their right values."""

from __future__ import annotations

import gzip

from .case import Answer, case, edges

ABC = Answer(edges("Ada Bob, Bob Cleo"))
HEAVY = Answer(edges("Ada Bob, Bob Cleo"), (0.5, 2.0))
_AWAY = "columns|header|delimiter|input.format|edge list|comment|line"

_LONG = "9" * 5000
_OF_LONG = Answer([(_LONG, "2"), ("2", "1")])

SPREADSHEETS = [
    case(
        "Gephi's semicolons",
        "edges.csv",
        "Source;Target;Type;Id;Label;Weight\nAda;Bob;Undirected;0;;0.5\nBob;Cleo;Undirected;1;;2.0\n",
        HEAVY,
    ),
    case(
        "Gephi's semicolons with decimal commas",
        "edges.csv",
        "Source;Target;Type;Id;Label;Weight\nAda;Bob;Directed;0;;0,5\nBob;Cleo;Directed;1;;2,0\n",
        HEAVY,
    ),
    case("Excel's sep=;", "e.csv", "sep=;\nsource;target;weight\nAda;Bob;0,5\nBob;Cleo;2\n", HEAVY),
    case("Excel's sep=, in quotes", "e.csv", '"sep=,"\r\nsource,target\r\nAda,Bob\r\nBob,Cleo\r\n', ABC),
    case("Excel's sep with a tab", "e.csv", "sep=\t\nsource\ttarget\nAda\tBob\nBob\tCleo\n", ABC),
    case("empty columns of Excel", "e.csv", "source,target,,\nAda,Bob,,\nBob,Cleo,,\n", ABC),
    case("empty rows of Excel", "e.csv", "source,target\nAda,Bob\nBob,Cleo\n,\n,\n", ABC, "line 4"),
    case(
        "thousands in quotes",
        "e.csv",
        'source,target,weight\nAda,Bob,"1,200"\nBob,Cleo,"3,400"\n',
        Answer(edges("Ada Bob, Bob Cleo"), (1200, 3400)),
        "weight",
    ),
    case(
        "percent as weight",
        "e.csv",
        "source,target,weight\nAda,Bob,50%\nBob,Cleo,20%\n",
        None,
        "50%.*weight|weight.*50%",
    ),
    case("currency as weight", "e.csv", "source,target,weight\nAda,Bob,$5\nBob,Cleo,$2\n", None, "weight"),
    case("sum in the last row", "e.csv", "source,target,weight\nAda,Bob,1\nBob,Cleo,2\nTotal,,3\n", None, "line 4"),
    case(
        "names with the commas of Excel",
        "e.csv",
        'source,target\n"Lovelace, Ada","Byron, Lord"\n"Byron, Lord","Shelley, Mary"\n',
        Answer([("Lovelace, Ada", "Byron, Lord"), ("Byron, Lord", "Shelley, Mary")]),
    ),
    case("trailing commas, header without", "e.csv", "source,target\nAda,Bob,\nBob,Cleo,\n", ABC, "line 2"),
    case("trailing commas everywhere", "e.csv", "source,target,\nAda,Bob,\nBob,Cleo,\n", ABC),
    case("trailing semicolons without titles", "e.csv", "1;2;\n2;3;\n3;1;\n", Answer(edges("1 2, 2 3, 3 1")), _AWAY),
    case("trailing tabs without titles", "e.tsv", "1\t2\t\n2\t3\t\n3\t1\t\n", Answer(edges("1 2, 2 3, 3 1")), _AWAY),
]

STATISTICS = [
    case(
        "R's write.table with names of rows",
        "e.txt",
        '"source" "target" "weight"\n"1" "Ada" "Bob" 0.5\n"2" "Bob" "Cleo" 2\n',
        HEAVY,
    ),
    case("R's write.csv", "e.csv", '"","source","target","weight"\n"1","Ada","Bob",0.5\n"2","Bob","Cleo",2\n', HEAVY),
    case("R's write.csv2", "e.csv", '"";"source";"target";"weight"\n"1";"Ada";"Bob";0,5\n"2";"Bob";"Cleo";2\n', HEAVY),
    case("R's NA as a weight", "e.csv", "source,target,weight\nAda,Bob,NA\nBob,Cleo,2\n", ABC),
    case("R's NA as an end", "e.csv", "source,target\nAda,Bob\nBob,NA\n", None, "line 3.*NA"),
    case("Stata's outsheet", "e.raw", 'source\ttarget\tweight\n"Ada"\t"Bob"\t.5\n"Bob"\t"Cleo"\t2\n', HEAVY, _AWAY),
    case("Matlab's dlmwrite", "e.txt", "1,2,0.5\n2,3,2\n3,1,1\n", Answer(edges("1 2, 2 3, 3 1"), (0.5, 2, 1))),
    case(
        "Matlab's save -ascii",
        "e.txt",
        "   1.0000000e+00   2.0000000e+00   5.0000000e-01\n   2.0000000e+00   3.0000000e+00   2.0000000e+00\n"
        "   3.0000000e+00   4.0000000e+00   1.0000000e+00\n   4.0000000e+00   5.0000000e+00   1.0000000e+00\n",
        Answer(edges("1 2, 2 3, 3 4, 4 5"), (0.5, 2, 1, 1)),
    ),
    case("booleans of mixed case", "e.csv", "source,target,active\nAda,Bob,TRUE\nBob,Cleo,false\n", ABC),
    case("booleans as weights", "e.csv", "source,target,weight\nAda,Bob,TRUE\nBob,Cleo,False\n", None, "weight"),
]

DATABASES = [
    case("MySQL's \\N as a weight", "e.tsv", "source\ttarget\tweight\nAda\tBob\t\\N\nBob\tCleo\t2\n", ABC, r"\\N"),
    case("MySQL's \\N as an end", "e.tsv", "source\ttarget\nAda\tBob\nBob\t\\N\n", None, r"line 3.*\\N"),
    case("NA as an end among numbers", "e.csv", "source,target\n1,2\n2,NA\n", None, "line 3.*NA"),
    case("NA as a country", "e.csv", "source,target\nDE,NA\nNA,ZA\nZA,US\n", Answer(edges("DE NA, NA ZA, ZA US"))),
    case("null as a word", "e.csv", "source,target\nzero,null\nnull,none\n", Answer(edges("zero null, null none"))),
    case("NULL of SQL as an end", "e.csv", "source,target\nAda,Bob\nBob,NULL\n", None, "line 3.*NULL"),
    case(
        "footer of psql",
        "e.txt",
        " source | target \n--------+--------\n Ada | Bob\n Bob | Cleo\n(2 rows)\n\n",
        None,
        _AWAY,
    ),
    case("footer of psql in CSV", "e.csv", "source,target\nAda,Bob\nBob,Cleo\n(2 rows)\n", None, "line 4"),
    case(
        "table of mysql",
        "e.txt",
        "+--------+--------+\n| source | target |\n+--------+--------+\n| Ada    | Bob    |\n+--------+--------+\n",
        None,
        _AWAY,
    ),
    case("table of Markdown", "e.txt", "| source | target |\n|---|---|\n| Ada | Bob |\n", None, "Markdown"),
    case(
        "titles again in the middle, from cat *.csv",
        "e.csv",
        "source,target\nAda,Bob\nsource,target\nBob,Cleo\n",
        ABC,
        "line 3",
    ),
    case("INSERT of SQL", "e.sql", "INSERT INTO edges VALUES ('Ada','Bob');\n", None, _AWAY),
    case(
        "times with a space, commas",
        "e.csv",
        "source,target,time\nAda,Bob,2020-01-01 10:00:00\nBob,Cleo,2020-01-02 11:30:00\n",
        ABC,
    ),
    case(
        "times with a space, tabs",
        "e.tsv",
        "source\ttarget\ttime\nAda\tBob\t2020-01-01 10:00:00\nBob\tCleo\t2020-01-02 11:30:00\n",
        ABC,
    ),
    case(
        "times with a space, without titles",
        "e.csv",
        "1,2,2020-01-01 10:00:00\n2,3,2020-01-02 11:30:00\n",
        Answer(edges("1 2, 2 3")),
        _AWAY,
    ),
    case("ids of 5,000 digits", "e.csv", f"source,target\n{_LONG},2\n2,1\n", Answer([(_LONG, "2"), ("2", "1")])),
    case("ids of 5,000 digits and fractions of 0", "e.csv", f"source,target\n{_LONG}.0,2\n2.0,1\n", _OF_LONG),
    case(
        "weights whose sum is no float32", "e.csv", "source,target,weight\na,b,3e38\na,b,3e38\n", None, "a to b.*weight"
    ),
    case("negative ids", "e.csv", "source,target\n-1,2\n2,-3\n", Answer(edges("-1 2, 2 -3"))),
    case("ids with zeros before them", "e.csv", "source,target\n007,042\n042,7\n", Answer(edges("007 042, 042 7"))),
    case("ids with zeros before them, spaces", "e.txt", "007 042\n042 001\n", Answer(edges("007 042, 042 001"))),
    case(
        "UUIDs",
        "e.csv",
        "source,target\n550e8400-e29b-41d4-a716-446655440000,6ba7b810-9dad-11d1-80b4-00c04fd430c8\n",
        Answer([("550e8400-e29b-41d4-a716-446655440000", "6ba7b810-9dad-11d1-80b4-00c04fd430c8")]),
    ),
    case(
        "ids beyond 2^53",
        "e.csv",
        "source,target\n9007199254740993,9007199254740992\n9007199254740992,1\n",
        Answer(edges("9007199254740993 9007199254740992, 9007199254740992 1")),
    ),
]

FIELDS = [
    case(
        "STRING's protein links",
        "9606.protein.links.txt.gz",
        gzip.compress(
            b"protein1 protein2 combined_score\n9606.ENSP233 9606.ENSP412 173\n9606.ENSP412 9606.ENSP442 900\n"
        ),
        Answer(edges("9606.ENSP233 9606.ENSP412, 9606.ENSP412 9606.ENSP442"), (173, 900), rated=True),
        _AWAY,
    ),
    case(
        "BioGRID's tab3",
        "biogrid.tab3.txt",
        "#BioGRID Interaction ID\tEntrez Gene Interactor A\tEntrez Gene Interactor B\tOfficial Symbol Interactor A\t"
        "Official Symbol Interactor B\tExperimental System\tThroughput\tScore\n"
        "103\t6416\t2318\tMAP2K4\tFLNC\tTwo-hybrid\tLow\t-\n117\t84665\t88\tMYPN\tACTN2\tTwo-hybrid\tLow\t-\n",
        Answer(edges("6416 2318, 84665 88")),
        _AWAY,
    ),
    case(
        "KGTK, ids of edges made of their ends",
        "e.tsv",
        "id\tnode1\tlabel\tnode2\nQ1-P1-Q2\tQ1\tP31\tQ2\nQ2-P1-Q3\tQ2\tP279\tQ3\n",
        Answer(edges("Q1 Q2, Q2 Q3"), relations=("P31", "P279")),
    ),
    case(
        "DIMACS shortest paths",
        "g.gr",
        "c roads\np sp 3 2\na 1 2 5\na 2 3 7\n",
        Answer(edges("1 2, 2 3"), (5, 7)),
        _AWAY,
    ),
    case("DIMACS colouring", "g.col", "c graph\np edge 3 2\ne 1 2\ne 2 3\n", Answer(edges("1 2, 2 3")), _AWAY),
    case("METIS with weights", "g.graph", "3 2 001\n2 5\n1 5 3 7\n2 7\n", None, _AWAY),
    case("LEDA", "g.lgr", "LEDA.GRAPH\nstring\nint\n-2\n2\n|{Ada}|\n|{Bob}|\n1\n1 2 0 |{5}|\n", None, _AWAY),
    case("Trivial Graph Format", "g.tgf", "1 Ada\n2 Bob\n3 Cleo\n#\n1 2\n2 3\n", None, "edge list|comment"),
    case("Trivial Graph Format of names with spaces", "g.tgf", "1 Ada L\n2 Bob\n#\n1 2 friends\n", None, _AWAY),
    case("UCINET DL, full matrix", "g.dl", "dl n=2\nformat = fullmatrix\ndata:\n0 1\n1 0\n", None, _AWAY),
    case("LGL", "g.lgl", "# Ada\nBob 0.5\n# Bob\nCleo 2\n", HEAVY, _AWAY),
    case("NCOL without weights", "g.ncol", "Ada Bob\nBob Cleo\n", ABC, _AWAY),
    case("graph6", "g.g6", ">>graph6<<DQc\n", None, _AWAY),
    case(
        "KONECT with times",
        "out.opsahl",
        "% asym positive\n% 3 3 3\n1 2 1 1082040961\n2 3 1 1082155839\n",
        Answer(edges("1 2, 2 3"), (1, 1), rated=True),
    ),
    case("KONECT with titles of no use", "out.x", "% sym unweighted\n1 2 \n2 3 \n", Answer(edges("1 2, 2 3"))),
    case(
        "SNAP's signed",
        "soc-sign.txt",
        "# Directed graph\n# FromNodeId\tToNodeId\tSign\n0\t1\t1\n1\t2\t-1\n",
        Answer(edges("0 1, 1 2")),
    ),
    case(
        "SNAP's ratings by time without titles",
        "soc-sign-bitcoinotc.csv",
        "6,2,4,1289241911.72836\n6,5,2,1289241941.53378\n1,15,1,1289243140.39049\n",
        Answer(edges("6 2, 6 5, 1 15"), (4, 2, 1), rated=True),
        "bipartite|joint",
    ),
    case("OpenKE's train2id", "train2id.txt", "2\n0 1 0\n1 2 0\n", None, _AWAY),
    case("Neo4j's Cypher", "g.cypher", "CREATE (a:Person {name: 'Ada'})-[:KNOWS]->(b)\n", None, _AWAY),
    case("RDF of Turtle", "g.ttl", "@prefix : <http://x/> .\n:Ada :knows :Bob .\n", None, _AWAY),
    case("arrows between names", "e.txt", "Ada -> Bob\nBob -> Cleo\n", ABC, _AWAY),
    case("pairs in brackets", "e.txt", "(Ada, Bob)\n(Bob, Cleo)\n", ABC, _AWAY),
    case("pairs of numbers in brackets", "e.txt", "(1, 2)\n(2, 3)\n(3, 1)\n", Answer(edges("1 2, 2 3, 3 1")), _AWAY),
    case("a list of Python", "e.txt", "[(1, 2), (2, 3)]\n", None, _AWAY),
]

CASES = [*SPREADSHEETS, *STATISTICS, *DATABASES, *FIELDS]
