"""Tables of nodes beside the edges: what they declare, which columns are taken for what, and what is said of it."""

import pytest
import torch

from graphembed_ext.errors import FileFormatError, InputError
from graphembed_ext.readers import read_graph
from graphembed_ext.readers.node_tables import read_labels

EDGES = "source,target\nAda,Bob\nBob,Cleo\n"


@pytest.fixture
def read(tmp_path):
    """Read edges with the tables that are given by name."""

    def call(edges=EDGES, more=None, prefix="", kind="", **tables):
        (tmp_path / "edges.csv").write_text(edges)
        files = []
        for name, content in tables.items():
            path = tmp_path / name.replace("__", ".")
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
            files.append(f"{prefix or kind + '=' * bool(kind)}{path}")
        source = tmp_path / "edges.csv"
        return read_graph(f"user,saw,item={source}" if prefix == "item=" else source, nodes=files, **(more or {}))

    return call


def row(graph, kind, name, what):
    return graph.view.features[kind][what][graph.names[kind].index(name)].tolist()


def note(graph, word):
    found = [note for note in graph.notes if word in note]
    assert len(found) == 1, graph.notes
    return found[0]


def test_numbers_are_features_and_titles_say_classes_and_split(read):
    table = "id,name,age,height,class,split\nBob,B.,3,1.5,red,test\nDan,D.,4,2,blue,train\n"
    table += "Ada,A.,5,1,red,val\nCleo,,6,1,,\n"
    graph = read(nodes__csv=table)
    assert sorted(graph.names["_N"]) == ["Ada", "Bob", "Cleo", "Dan"]
    assert row(graph, "_N", "Dan", "x") == [4, 2]
    assert row(graph, "_N", "Ada", "x") == [5, 1]
    assert graph.classes["_N"] == ["blue", "red"]
    assert [row(graph, "_N", name, "y") for name in ("Ada", "Bob", "Cleo", "Dan")] == [1, 1, -1, 0]
    assert torch.equal(graph.labels["_N"], graph.view.features["_N"]["y"])
    for part, name in (("train", "Dan"), ("val", "Ada"), ("test", "Bob")):
        mask = graph.view.features["_N"][f"{part}_mask"]
        assert [graph.names["_N"][i] for i in mask.nonzero().squeeze(1).tolist()] == [name]
    said = note(graph, "nodes.csv")
    assert said.endswith(
        "nodes.csv: column 'id' names nodes, numbers in 2 columns, 'age', 'height', classes in 'class', split in "
        "'split', left out 'name', the first line is taken for column titles"
    )
    assert "2 columns of features" in graph.notes
    assert "2 classes" in graph.notes


def test_masks_are_a_split(read):
    graph = read(
        n__csv="node,y,train_mask,val_mask,test_mask\nAda,0,True,False,False\nBob,1,False,True,False\nCleo,0,False,False,True\n"
    )
    masks = {part: graph.view.features["_N"][f"{part}_mask"].tolist() for part in ("train", "val", "test")}
    assert masks == {"train": [True, False, False], "val": [False, True, False], "test": [False, False, True]}
    assert graph.view.features["_N"]["y"].tolist() == [0, 1, 0]
    assert "x" not in graph.view.features["_N"]
    assert "split in 'train_mask', 'val_mask', 'test_mask'" in note(graph, "n.csv")


def test_citeseer_has_nodes_without_edges(read):
    content = "Ada\t0\t1\t0\tAI\nBob\t1\t0\t0\tML\nCleo\t0\t0\t1\tAI\nlone99\t1\t1\t0\tDB\n"
    graph = read(citeseer__content=content)
    assert graph.view.num_nodes == {"_N": 4}
    assert row(graph, "_N", "lone99", "x") == [1, 1, 0]
    assert [graph.classes["_N"][row(graph, "_N", name, "y")] for name in ("Ada", "Bob", "lone99")] == ["AI", "ML", "DB"]
    assert "column 1 names nodes, numbers in 3 columns, 2, 3, 4, classes in 5" in note(graph, "citeseer.content")


SAW = "user,item\nu1,1\nu1,2\nu2,1\n"


def test_movies_have_several_genres(read):
    movies = 'movieId,title,genres\n1,Toy Story (1995),Animation|Comedy\n2,"Net, The (1995)",Action\n'
    movies += "3,None (1),(no genres listed)\n"
    graph = read(SAW, prefix="item=", movies__csv=movies)
    assert graph.view.num_nodes == {"item": 3, "user": 2}
    assert graph.classes["item"] == ["Action", "Animation", "Comedy"]
    assert graph.view.features["item"]["y"].tolist() == [[0, 1, 1], [1, 0, 0], [0, 0, 0]]
    assert graph.labels["item"].toarray().tolist() == graph.view.features["item"]["y"].tolist()
    assert "classes in 'genres', left out 'title'" in note(graph, "movies.csv")


def test_u_item_of_movielens_has_flags(read):
    flags = {"1": "0|1|0|0", "2": "1|1|0|0", "3": "0|0|0|1"}
    text = "".join(f"{i}|Film é {i} (1995)|01-Jan-1995||http://x/?{i}|{cells}\n" for i, cells in flags.items())
    graph = read(SAW, {"encoding": None}, prefix="item=", u__item=text)
    assert graph.view.features["item"]["y"].tolist() == [[0, 1, 0], [1, 1, 0], [0, 0, 1]]
    assert graph.classes["item"] == ["0", "1", "3"]
    assert "x" not in graph.view.features["item"]
    with pytest.raises(FileFormatError, match="--encoding latin-1"):
        read(SAW, prefix="item=", u__item=text.encode("latin-1"))


def test_u_user_of_movielens_has_an_age(read):
    """Numbers between words; a code that is no number on one line is said to be none."""
    users = "u1|24|M|technician|85711\nu2|53|F|other|94043\nu3|23|M|writer|T8H1N\nu4|24|M|technician|43537\n"
    graph = read(SAW, {"bipartite": True}, prefix="", kind="user", u__user=users)
    assert graph.view.features["user"]["x"].tolist() == [[24], [53], [23], [24]]
    assert "numbers in 2 columns, 2, 5, left out 3, 4" in note(graph, "u.user")
    assert "column 5 is no feature ('T8H1N' on line 3)" in graph.notes


def test_movies_dat_of_movielens_has_genres_without_a_title(read):
    movies = "1::Toy Story (1995)::Animation|Comedy|Action\n2::Heat (1995)::Action|Comedy\n3::Net, The (1995)::Action\n"
    graph = read(SAW, {"bipartite": True}, kind="item", movies__dat=movies)
    assert graph.classes["item"] == ["Action", "Animation", "Comedy"]
    assert graph.view.features["item"]["y"].tolist() == [[1, 1, 1], [1, 0, 1], [1, 0, 0]]
    assert "classes in 3, left out 2" in note(graph, "movies.dat")


def test_neo4j_says_the_type_and_kinds_of_columns(tmp_path):
    (tmp_path / "acted.csv").write_text(
        ":START_ID(Person),role,:END_ID(Movie),:TYPE\nk,Neo,m1,ACTED_IN\nl,Morpheus,m1,ACTED_IN\n"
    )
    (tmp_path / "people.csv").write_text(
        "personId:ID(Person),name,born:int,zip:string,:LABEL\nk,Keanu,1964,10,Person\nl,Laurence,1961,20,Person\nc,Carrie,1967,30,Person\n"
    )
    (tmp_path / "movies.csv").write_text(
        "movieId:ID(Movie),title,genres:string[],:LABEL\nm1,The Matrix,Action;SciFi,Movie\nm2,Speed,Action,Movie\n"
    )
    graph = read_graph(tmp_path / "acted.csv", nodes=[tmp_path / "people.csv", tmp_path / "movies.csv"])
    assert graph.view.num_nodes == {"Movie": 2, "Person": 3}
    assert graph.view.features["Person"]["x"].tolist() == [[1964], [1961], [1967]]
    assert graph.view.features["Movie"]["y"].tolist() == [[1, 1], [1, 0]]
    assert "Person" not in graph.labels
    assert "':LABEL' has node types, no classes" in note(graph, "people.csv")


def test_recbole_says_kinds_of_columns(read):
    items = "item_id:token\tmovie_title:token_seq\trelease_year:token\tprice:float\tclass:token_seq\n"
    items += "1\tToy Story\t1995\t2.5\tAnimation Comedy\n2\tGoldenEye\t1996\t3\tAction\n"
    graph = read(SAW, prefix="item=", ml__item=items)
    assert graph.view.features["item"]["x"].tolist() == [[2.5], [3]]
    assert graph.classes["item"] == ["Action", "Animation", "Comedy"]
    assert graph.view.features["item"]["y"].tolist() == [[0, 1, 1], [1, 0, 0]]


def test_part_files_of_one_table_are_joined_and_columns_stand_side_by_side(read):
    graph = read(
        a__csv="id,age\nAda,1\nBob,2\n", b__csv="id,age\nCleo,3\n", c__csv="id,size,label\nAda,7,u\nBob,8,v\nCleo,9,u\n"
    )
    assert graph.view.features["_N"]["x"].tolist() == [[1, 7], [2, 8], [3, 9]]
    assert graph.view.features["_N"]["y"].tolist() == [0, 1, 0]


LEFT_OUT = {
    "a node without a row": ("id,age\nAda,1\nBob,2\n", "as 1 node has none, such as 'Cleo'"),
    "a blank": ("id,age\nAda,1\nBob,\nCleo,3\n", "column 'age' is no feature (a blank on line 3)"),
    "a word": ("id,age\nAda,1\nBob,2\nCleo,old\n", "column 'age' is no feature ('old' on line 4)"),
    "infinity": ("id,age\nAda,1\nBob,inf\nCleo,3\n", "column 'age' is no feature ('inf' on line 3)"),
    "index of pandas": (",id,name\n0,Ada,x\n1,Bob,y\n2,Cleo,z\n", "left out '', 'name'"),
    "fractions as labels": ("id,y\nAda,0.5\nBob,0.25\nCleo,1\n", "'y' has fractions, which are no classes"),
    "one column without a title": ("Ada,red\nBob,blue\nCleo,red\n", "--columns label=2 takes column 2 for classes"),
}


@pytest.mark.parametrize("case", LEFT_OUT)
def test_what_is_no_feature_is_said(read, case):
    table, said = LEFT_OUT[case]
    graph = read(nodes__csv=table)
    assert sorted(graph.names["_N"]) == ["Ada", "Bob", "Cleo"]
    assert not {"x", "y"} & graph.view.features.get("_N", {}).keys()
    assert any(said in note for note in graph.notes), graph.notes


def test_columns_by_hand(read):
    table = "person,colour,age,part\nAda,red,1,train\nBob,blue,2,test\nCleo,red,3,val\n"
    graph = read(more={"columns": "node=person,label=colour,split=part"}, nodes__csv=table)
    assert graph.view.features["_N"]["y"].tolist() == [1, 0, 1]
    assert graph.view.features["_N"]["x"].tolist() == [[1], [2], [3]]
    assert graph.view.features["_N"]["test_mask"].tolist() == [False, True, False]


def test_a_node_on_two_lines_has_no_features(read):
    with pytest.raises(FileFormatError, match=r"nodes\.csv, line 4: got the node 'Ada' a second time.*--labels"):
        read(nodes__csv="id,age\nAda,1\nBob,2\nAda,3\n")
    with pytest.raises(FileFormatError, match=r"nodes\.csv, line 3: got a line without a node"):
        read(nodes__csv="id,age\nAda,1\n,2\nBob,3\n")


def test_a_graph_of_types_wants_one(read):
    with pytest.raises(InputError, match="TYPE=FILE, with one of the node types item, user"):
        read("user_id,item_id\nu1,1\nu1,2\nu2,1\n", {"bipartite": True}, m__csv="movieId,title\n1,x\n2,y\n")


def test_nodes_of_a_matrix_are_numbers(tmp_path):
    """Graphs whose nodes have ids alone take features by id; a node beyond them is refused."""
    import numpy as np

    np.save(tmp_path / "a.npy", np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]]))
    (tmp_path / "n.csv").write_text("node,age\n2,7\n0,5\n1,6\n")
    graph = read_graph(tmp_path / "a.npy", nodes=tmp_path / "n.csv")
    assert graph.view.features["_N"]["x"].tolist() == [[5], [6], [7]]
    (tmp_path / "n.csv").write_text("node,age\n2,7\n0,5\n1,6\n3,9\n")
    with pytest.raises(InputError, match="nodes: got 3; expected nodes of the graph"):
        read_graph(tmp_path / "a.npy", nodes=tmp_path / "n.csv")


def test_a_type_of_a_graph_of_one_kind_is_refused(read):
    """It would be a second kind of nodes, apart from all edges."""
    with pytest.raises(InputError, match=r"as the nodes of the graph are of one kind.*--bipartite"):
        read(kind="person", nodes__csv="id,age\nAda,1\nBob,2\nCleo,3\n")


GEPHI = "Id,Label,timeset,modularity_class\n"
GEPHI += "".join(f"{name},Name of {name},,{i % 2}\n" for i, name in enumerate("abcdef"))


def test_the_label_of_gephi_is_a_name(read, tmp_path):
    graph = read("Source,Target\na,b\nb,c\nc,d\nd,e\ne,f\n", nodes__csv=GEPHI)
    assert graph.view.features["_N"]["y"].tolist() == [0, 1, 0, 1, 0, 1]
    assert "x" not in graph.view.features["_N"]
    said = note(graph, "nodes.csv")
    assert "classes in 'modularity_class', left out 'Label', 'timeset'" in said
    assert "'Label' has another word on each line, which are no classes" in said
    found = read_labels(tmp_path / "nodes.csv", list("abcdef"), 6)
    assert found.y.tolist() == [0, 1, 0, 1, 0, 1]
