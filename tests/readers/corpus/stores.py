"""Exports of graph databases that stand in several files, or with nodes and relationships in one."""

from __future__ import annotations

import gzip

from .case import Answer, case, edges

_PEOPLE = "p1,Keanu Reeves,1964,Actor\np2,Laurence Fishburne,1961,Actor\np3,Carrie-Anne Moss,1967,Actor\n"
_MOVIES = "tt01,The Matrix,1999,Movie\ntt02,Speed,1994,Movie\n"
_ROLES = 'p1,Neo,tt01,ACTED_IN\np1,"Jack, the cop",tt02,ACTED_IN\np2,Morpheus,tt01,ACTED_IN\n'
_PEOPLE_TITLES = "personId:ID(Person),name,born:int,:LABEL\n"
_MOVIES_TITLES = "movieId:ID(Movie),title,year:int,:LABEL\n"
_ROLES_TITLES = ":START_ID(Person),role,:END_ID(Movie),:TYPE\n"
_ACTED = Answer(
    edges("p1 tt01, p1 tt02, p2 tt01"),
    types=[("Person", "ACTED_IN", "Movie")] * 3,
    alone=("Person:p3",),
)
_ONE_SPACE = Answer(
    edges("k m, l m, k l"),
    types=[("Person", "ACTED_IN", "Movie"), ("Person", "ACTED_IN", "Movie"), ("Person", "KNOWS", "Person")],
    alone=("Movie:s",),
)

_ALL = (
    '"_id","_labels","name","born","title","_start","_end","_type","role","weight"\n'
    '"1",":Person:Actor","Keanu","1964","",,,,,\n"2",":Person","Laurence","1961","",,,,,\n'
    '"3",":Person","Nobody","1970","",,,,,\n"9",":Movie","","","The Matrix",,,,,\n'
    ',,,,,"1","9","ACTED_IN","Neo",""\n,,,,,"2","9","ACTED_IN","Morpheus",""\n,,,,,"1","2","KNOWS","",""\n'
)
_ALL_ANSWER = Answer(
    edges("1 9, 2 9, 1 2"),
    types=[("Person", "ACTED_IN", "Movie"), ("Person", "ACTED_IN", "Movie"), ("Person", "KNOWS", "Person")],
    alone=("Person:3",),
)

CASES = [
    case(
        "Neo4j titles in files of their own",
        "neo",
        {
            "people-header.csv": _PEOPLE_TITLES,
            "people.csv": _PEOPLE,
            "movies-header.csv": _MOVIES_TITLES,
            "movies.csv": _MOVIES,
            "roles-header.csv": _ROLES_TITLES,
            "roles.csv": _ROLES,
        },
        _ACTED,
    ),
    case(
        "Neo4j titles apart, rows in parts, packed",
        "neo",
        {
            "header_people.csv": _PEOPLE_TITLES,
            "people_1.csv": _PEOPLE.split("\n")[0] + "\n",
            "people_2.csv": "\n".join(_PEOPLE.split("\n")[1:]),
            "movies.header.csv": _MOVIES_TITLES,
            "movies-part1.csv.gz": gzip.compress(_MOVIES.encode()),
            "roles_header.csv": _ROLES_TITLES,
            "roles-part01.csv": _ROLES.split("\n")[0] + "\n",
            "roles-part02.csv": "\n".join(_ROLES.split("\n")[1:]),
        },
        _ACTED,
    ),
    case(
        "Neo4j titles apart by semicolons, one space of ids",
        "neo",
        {
            "nodes-header.csv": ":ID;name;:LABEL\n",
            "nodes.csv": "k;Keanu;Person\nl;Laurence;Person\nm;The Matrix;Movie\ns;Speed;Movie\n",
            "rels-header.csv": ":START_ID;:END_ID;:TYPE\n",
            "rels.csv": "k;m;ACTED_IN\nl;m;ACTED_IN\nk;l;KNOWS\n",
        },
        _ONE_SPACE,
    ),
    case(
        "Neo4j titles without rows",
        "neo",
        {"roles-header.csv": _ROLES_TITLES, "people.csv": _PEOPLE_TITLES + _PEOPLE, "else.csv": _ROLES},
        None,
        r"roles-header\.csv.*rows that are called after it, such as roles\.csv",
    ),
    case(
        "Neo4j titles of another width than the rows",
        "neo",
        {"roles-header.csv": ":START_ID(Person),:END_ID(Movie),:TYPE\n", "roles.csv": _ROLES},
        None,
        r"roles\.csv, line 1: got 4 columns; expected 3",
    ),
    case("APOC all, several labels", "all.csv", _ALL, _ALL_ANSWER),
    case("APOC all without quotes", "all.csv", _ALL.replace('"', ""), _ALL_ANSWER),
    case(
        "APOC all to a node that is not there",
        "all.csv",
        _ALL + ',,,,,"1","77","KNOWS","",""\n',
        None,
        "the node '77'",
    ),
    case(
        "APOC all without relationships",
        "all.csv",
        "_id,_labels,name,_start,_end,_type\n1,:A,x,,,\n2,:A,y,,,\n",
        None,
        "relationships",
    ),
]
