"""Comma-separated tables as pandas, R and Excel write them: titles, orders of columns, weights, numbers as names."""

from __future__ import annotations

from .case import Answer, case, edges

ABC = Answer(edges("Ada Bob, Bob Cleo"))
HEAVY = Answer(edges("Ada Bob, Bob Cleo"), (0.5, 2.0))
SIDES = Answer(edges("Knuth P1, Knuth P2, Lamport P2"), sides=True)
WAYS = "header"
COLUMNS = "columns"

EXPORTS = [
    case("pandas without index", "edges.csv", "source,target\nAda,Bob\nBob,Cleo\n", ABC),
    case("pandas with index", "edges.csv", ",source,target\n0,Ada,Bob\n1,Bob,Cleo\n", ABC),
    case("pandas with index and weight", "e.csv", ",source,target,weight\n0,Ada,Bob,0.5\n1,Bob,Cleo,2.0\n", HEAVY),
    case("pandas saved twice", "e.csv", ",Unnamed: 0,source,target\n0,0,Ada,Bob\n1,1,Bob,Cleo\n", ABC),
    case("pandas index of numbers", "e.csv", ",source,target\n0,7,8\n1,8,9\n", Answer(edges("7 8, 8 9"))),
    case(
        "pandas index, natural titles", "e.csv", ",author,paper\n0,Knuth,P1\n1,Knuth,P2\n2,Lamport,P2\n", SIDES, COLUMNS
    ),
    case("pandas floats", "e.csv", "source,target\n1.0,2.0\n2.0,3.0\n", Answer(edges("1 2, 2 3"))),
    case("pandas without header", "e.csv", "0,Ada,Bob\n1,Bob,Cleo\n", ABC, COLUMNS),
    case(
        "pandas without header, columns by hand",
        "e.csv",
        "0,Ada,Bob\n1,Bob,Cleo\n",
        ABC,
        columns={"source": 2, "target": 3},
    ),
    case("R write.csv", "e.csv", '"","from","to"\n"1","Ada","Bob"\n"2","Bob","Cleo"\n', ABC),
    case("R write.table", "e.txt", "from to\n1 Ada Bob\n2 Bob Cleo\n", ABC, "columns|line"),
    case("R write.table, quoted", "e.txt", '"from" "to"\n"Ada" "Bob"\n"Bob" "Cleo"\n', ABC),
    case("Excel semicolons", "e.csv", "\ufeffSource;Target;Weight\r\nAda;Bob;0.5\r\nBob;Cleo;2\r\n", HEAVY),
    case("Excel decimal commas", "e.csv", "Source;Target;Weight\r\nAda;Bob;0,5\r\nBob;Cleo;2,0\r\n", HEAVY, "weight"),
    case("Excel quoted titles after BOM", "e.csv", '\ufeff"source","target"\r\n"Ada","Bob"\r\n"Bob","Cleo"\r\n', ABC),
    case("Excel empty columns", "e.csv", "source,target,,\r\nAda,Bob,,\r\nBob,Cleo,,\r\n", ABC),
    case("Excel empty lines at the end", "e.csv", "source,target\r\nAda,Bob\r\nBob,Cleo\r\n,\r\n,\r\n", ABC, "line 4"),
    case(
        "Excel sep line", "e.csv", "sep=;\r\nsource;target\r\nAda;Bob\r\nBob;Cleo\r\n", ABC, "line 1|columns|delimiter"
    ),
    case("trailing delimiter", "e.csv", "Ada,Bob,\nBob,Cleo,\n", ABC),
    case("trailing delimiter, titles", "e.csv", "source,target,\nAda,Bob,\nBob,Cleo,\n", ABC),
    case("trailing delimiter, titles without", "e.csv", "source,target\nAda,Bob,\nBob,Cleo,\n", ABC, "line 2"),
    case("spaces after commas", "e.csv", "source, target\nAda, Bob\nBob, Cleo\n", ABC),
    case("quotes after spaces", "e.csv", 'source, target\n"Ada", "Bob"\n"Bob", "Cleo"\n', ABC, "line|quot"),
    case(
        "SQL client table",
        "e.csv",
        " source | target \n--------+--------\n Ada    | Bob\n Bob    | Cleo\n(2 rows)\n",
        ABC,
        "line|delimiter|columns",
    ),
    case("null end", "e.csv", "source,target\nAda,Bob\nCleo,\n", None, "line 3"),
    case("null start", "e.csv", "source,target\n,Bob\nCleo,Dan\n", None, "line 2"),
]

_NATURAL = {
    "customer_id,product_id": ("c1,p1 c1,p2 c2,p2", True),
    "author,paper": ("Knuth,P1 Knuth,P2 Lamport,P2", True),
    "gene_a,gene_b": ("BRCA1,TP53 TP53,EGFR EGFR,MYC", False),
    "Name,Friend": ("Ada,Bob Bob,Cleo Cleo,Dan", False),
    "follower,followee": ("ada,bob bob,cleo cleo,dan", False),
    "buyer,seller": ("b1,s1 b2,s1 b2,s2", True),
    "drug,protein": ("aspirin,PTGS1 aspirin,PTGS2 ibuprofen,PTGS2", True),
    "protein1,protein2": ("9606.ENSP1,9606.ENSP2 9606.ENSP2,9606.ENSP3 9606.ENSP3,9606.ENSP1", False),
    "sender,receiver": ("ann@x.org,ben@x.org ben@x.org,cay@x.org cay@x.org,ann@x.org", False),
    "caller,callee": ("main,parse parse,lex lex,read", False),
    "citing,cited": ("p9,p8 p8,p7 p7,p6", False),
    "Origin,Destination": ("JFK,LAX LAX,SFO SFO,JFK", False),
    "userId,movieId": ("u1,m1 u1,m2 u2,m2", True),
    "playlist,track": ("pl1,t1 pl1,t2 pl2,t2", True),
    "actor,movie": ("Reeves,Matrix Moss,Matrix Reeves,Speed", True),
    "student,course": ("s1,c1 s1,c2 s2,c2", True),
    "parent,child": ("root,left root,right left,leaf", False),
    "employee,manager": ("Ada,Bob Bob,Cleo Dan,Cleo", False),
    "device,account": ("d1,a1 d1,a2 d2,a2", True),
    "disease,symptom": ("flu,fever flu,cough cold,cough", True),
    "Player A,Player B": ("Federer,Nadal Nadal,Djokovic Djokovic,Federer", False),
    "id_1,id_2": ("0,23977 1,34526 1,2370", False),
}

NATURAL = [
    case(
        f"titles {titles}",
        "e.csv",
        "\n".join([titles, *lines.split(), ""]),
        Answer([tuple(line.split(",")) for line in lines.split()], sides=sides),
        WAYS,
    )
    for titles, (lines, sides) in _NATURAL.items()
] + [
    case(
        "natural titles over numbers",
        "e.csv",
        "customer,product\n1,10\n1,11\n2,11\n",
        Answer(edges("1 10, 1 11, 2 11"), sides=True),
    ),
    case(
        "users and items with the same numbers",
        "e.csv",
        "customer_id,product_id\n1,1\n1,2\n2,1\n",
        Answer(edges("1 1, 1 2, 2 1"), sides=True),
        "bipartite|columns",
    ),
    case(
        "no titles, names that recur",
        "e.csv",
        "Ada,Bob\nBob,Cleo\nCleo,Ada\n",
        Answer(edges("Ada Bob, Bob Cleo, Cleo Ada")),
    ),
    case(
        "no titles, names that do not recur", "e.csv", "Ada,Bob\nCleo,Dan\n", Answer(edges("Ada Bob, Cleo Dan")), WAYS
    ),
    case("titles by hand", "e.csv", "Ada,Bob\nCleo,Dan\n", Answer(edges("Cleo Dan")), header=True),
    case(
        "no titles by hand",
        "e.csv",
        "source,target\ntarget,end\n",
        Answer(edges("source target, target end")),
        header=False,
    ),
]

ORDERS = [
    case(
        "target before source",
        "e.csv",
        "target,source\nBob,Ada\nCleo,Bob\n",
        Answer(edges("Ada Bob, Bob Cleo"), one_way=True),
        directed=True,
    ),
    case(
        "item before user",
        "e.csv",
        "item_id,user_id\n1,7\n2,7\n1,8\n",
        Answer(edges("7 1, 7 2, 8 1"), sides=True),
        bipartite=True,
    ),
    case("weight first", "e.csv", "weight,source,target\n0.5,Ada,Bob\n2,Bob,Cleo\n", HEAVY),
    case("weight between", "e.csv", "source,weight,target\nAda,0.5,Bob\nBob,2,Cleo\n", HEAVY),
    case("id first", "e.csv", "id,source,target\n0,Ada,Bob\n1,Bob,Cleo\n", ABC),
    case("year third", "e.csv", "source,target,year\nAda,Bob,1999\nBob,Cleo,2001\n", ABC),
    case("timestamp third", "e.csv", "source,target,timestamp\nAda,Bob,1577836800\nBob,Cleo,1577836900\n", ABC),
    case(
        "weight after a timestamp",
        "e.csv",
        "source,target,timestamp,weight\nAda,Bob,1577836800,0.5\nBob,Cleo,1577836900,2\n",
        HEAVY,
    ),
    case(
        "reviews",
        "r.csv",
        'review_id,user_id,item_id,score,text\n1,u1,i1,5,"good, really"\n2,u1,i2,1,bad\n3,u2,i1,3,so so\n',
        Answer(edges("u1 i1, u1 i2, u2 i1"), (5, 1, 3), rated=True, sides=True),
    ),
    case(
        "three edges in three columns",
        "e.csv",
        "source,target,weight\n1,2,0.5\n2,3,1\n3,1,2\n",
        Answer(edges("1 2, 2 3, 3 1"), (0.5, 1, 2)),
    ),
    case("three edges of numbers", "e.csv", "0,1,4\n1,2,5\n2,0,6\n", Answer(edges("0 1, 1 2, 2 0"), (4, 5, 6))),
    case(
        "four edges in four columns",
        "e.csv",
        "user_id,item_id,rating,timestamp\n1,11,5,874965758\n1,12,3,876893171\n2,11,4,878542960\n3,12,1,881250949\n",
        Answer(edges("1 11, 1 12, 2 11, 3 12"), (5, 3, 4, 1), rated=True, sides=True),
        bipartite=True,
    ),
    case(
        "types of nodes",
        "e.csv",
        "source,source_type,target,target_type,relation\nAda,author,P1,paper,writes\nP1,paper,P2,paper,cites\n",
        Answer(edges("Ada P1, P1 P2"), types=[("author", "writes", "paper"), ("paper", "cites", "paper")]),
    ),
    case(
        "columns by title",
        "e.csv",
        "who,when,whom\nAda,1999,Bob\nBob,2001,Cleo\n",
        ABC,
        columns={"source": "who", "target": "whom"},
    ),
    case(
        "columns by number",
        "e.csv",
        "1999,Ada,Bob,0.5\n2001,Bob,Cleo,2\n",
        HEAVY,
        columns={"source": 2, "target": 3, "weight": 4},
        header=False,
    ),
    case("columns unclear", "e.csv", "when,who,whom\n1999,Ada,Bob\n2001,Bob,Cleo\n", ABC, COLUMNS),
    case("titles that are spelt large", "e.csv", "SOURCE_ID,TARGET_ID\nAda,Bob\nBob,Cleo\n", ABC),
    case("dotted titles", "e.csv", "edge.source,edge.target\nAda,Bob\nBob,Cleo\n", ABC, WAYS),
]

_EDGES = "source,target,weight\nAda,Bob,{}\nBob,Cleo,2\n"
WEIGHTS = [
    case(
        "repeated edges add up",
        "e.csv",
        "source,target,weight\nAda,Bob,1\nAda,Bob,2\nBob,Cleo,1\n",
        Answer(edges("Ada Bob, Ada Bob, Bob Cleo"), (1, 2, 1)),
    ),
    case(
        "both directions listed",
        "e.csv",
        "source,target,weight\nAda,Bob,1\nBob,Ada,3\n",
        Answer(edges("Ada Bob, Bob Ada"), (1, 3)),
    ),
    case("repeated edges", "e.csv", "source,target\nAda,Bob\nAda,Bob\nBob,Cleo\n", ABC),
    case("self-loop", "e.csv", "source,target\nAda,Ada\nAda,Bob\n", Answer(edges("Ada Ada, Ada Bob"))),
    case("negative weight", "e.csv", _EDGES.format("-1"), ABC, r"line 2.*weight"),
    case("blank weight", "e.csv", _EDGES.format(""), ABC, r"line 2.*weight"),
    case("infinite weight", "e.csv", _EDGES.format("inf"), None, r"line 2.*weight"),
    case("weight beyond float32", "e.csv", _EDGES.format("1e39"), None, r"line 2.*weight"),
    case("weight in words", "e.csv", _EDGES.format("heavy"), None, r"line 2.*weight"),
    case("negative weight left out", "e.csv", _EDGES.format("-1"), ABC, weight=False),
    case("blank weight left out", "e.csv", _EDGES.format(""), ABC, weight=False),
    case(
        "weight of nothing but one",
        "e.csv",
        "source,target,weight\nAda,Bob,1\nBob,Cleo,1\n",
        Answer(edges("Ada Bob, Bob Cleo"), (1, 1), rated=True),
    ),
    case("third column of numbers", "e.csv", "Ada,Bob,0.5\nBob,Cleo,2\n", HEAVY),
]

NUMBERS = [
    case(
        "numbers in several spellings",
        "e.csv",
        "source,target\n1,100000\n1.0,1e+05\n2.0,1\n",
        Answer(edges("1 100000, 1 100000, 2 1")),
    ),
    case(
        "one column of floats",
        "e.csv",
        "source,target\n1,2.0\n2,3.0\n3,\n".replace("3,\n", ""),
        Answer(edges("1 2, 2 3")),
    ),
    case("leading zeros", "e.csv", "source,target\n007,7\n7,042\n", Answer(edges("007 7, 7 042"))),
    case(
        "numbers that floats cannot tell apart",
        "e.csv",
        "source,target\n9007199254740992,9007199254740993\n9007199254740993,1\n",
        Answer(edges("9007199254740992 9007199254740993, 9007199254740993 1")),
    ),
    case(
        "numbers of 30 digits",
        "e.csv",
        f"source,target\n{'9' * 30},1\n1,{'8' * 30}\n",
        Answer([("9" * 30, "1"), ("1", "8" * 30)]),
    ),
    case("negative numbers", "e.csv", "source,target\n-1,2\n2,-3\n", Answer(edges("-1 2, 2 -3"))),
    case(
        "largest int64",
        "e.csv",
        f"source,target\n{2**63 - 1},0\n0,{2**62}\n",
        Answer([(str(2**63 - 1), "0"), ("0", str(2**62))]),
    ),
    case(
        "dates as names",
        "e.csv",
        "source,target\n2020-01-01,2020-01-02\n2020-01-02,2020-01-03\n",
        Answer(edges("2020-01-01 2020-01-02, 2020-01-02 2020-01-03")),
    ),
    case("numbers and words", "e.csv", "source,target\n1,Ada\nAda,1.0\n", Answer(edges("1 Ada, Ada 1.0"))),
    case(
        "hexadecimal names",
        "e.csv",
        "source,target\n0x1F,1e5a\n1e5a,deadbeef\n",
        Answer(edges("0x1F 1e5a, 1e5a deadbeef")),
    ),
    case(
        "versions as names",
        "e.csv",
        "source,target\n1.10.0,1.1.0\n1.1.0,2.0.0\n",
        Answer(edges("1.10.0 1.1.0, 1.1.0 2.0.0")),
    ),
]

CASES = [*EXPORTS, *NATURAL, *ORDERS, *WEIGHTS, *NUMBERS]
