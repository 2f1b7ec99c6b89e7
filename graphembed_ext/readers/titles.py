"""The words that titles of columns are made of."""

from __future__ import annotations

import re

__all__ = [
    *("APART", "ATTRIBUTES", "COUNTS", "INDEX", "ITEMS", "PAIRS", "PLAIN", "RANK", "RATINGS", "RECORDS", "RELATIONS"),
    *("TIMES", "USERS", "WEIGHTS", "is_number", "title_like", "words_of"),
]

#: Words for the two ends, the surest first.
PAIRS = (
    *(("source", "target"), ("src", "dst"), ("src", "dest"), ("source", "destination"), ("source", "dest")),
    *(("source", "dst"), ("src", "target"), ("src", "destination"), ("from", "to"), ("head", "tail")),
    *(("subject", "object"), ("subj", "obj"), ("sub", "obj"), ("start", "end"), ("origin", "destination")),
    *(("sender", "receiver"), ("sender", "recipient"), ("follower", "followee"), ("follower", "followed")),
    *(("citing", "cited"), ("caller", "callee"), ("h", "t"), ("s", "o"), ("s", "t"), ("u", "v"), ("x", "y")),
    *(("a", "b"), ("1", "2"), ("0", "1"), ("i", "j"), ("left", "right"), ("first", "second"), ("p", "q")),
)
RANK = {pair: rank for rank, pair in enumerate(PAIRS)}

#: Words that add nothing to a title, and how well a column so called serves as the name of a node.
PLAIN = {"index": 1, "idx": 1, "id": 2, "ids": 2, "node": 2, "vertex": 2, "uid": 3, "key": 3, "no": 3, "nr": 3}
PLAIN |= {"number": 3, "num": 3, "code": 3, "unique": 3, "name": 5}
#: Words of titles that are no ends, whatever else they say.
APART = {
    *("type", "class", "label", "kind", "category", "time", "timestamp", "date", "year", "lat", "lon", "lng", "port"),
    *("latitude", "longitude", "weight", "degree", "count", "group", "description", "text", "url", "score"),
}

USERS = {
    *("user", "customer", "client", "buyer", "reviewer", "member", "visitor", "session", "account", "reader"),
    *("listener", "viewer", "shopper", "consumer", "patient", "student", "profile", "player", "subscriber"),
}
ITEMS = {
    *("item", "product", "movie", "film", "book", "song", "track", "artist", "article", "asin", "business", "sku"),
    *("isbn", "game", "anime", "news", "video", "poi", "venue", "restaurant", "recipe", "course", "location", "app"),
    *("playlist", "album", "job", "store", "shop", "page", "event", "merchant", "drug", "brand"),
}

WEIGHTS = {"weight", "weights", "w", "wt", "strength"}
COUNTS = {"count", "counts", "plays", "quantity", "qty", "frequency", "freq", "times", "amount", "n", "num", "value"}
RATINGS = {"rating", "ratings", "stars", "score", "overall", "rate", "grade"}
TIMES = {"time", "timestamp", "date", "datetime", "year", "created", "unix", "ts", "month", "day", "at", "when"}
RELATIONS = {
    *("relation", "relations", "rel", "predicate", "relationship", "property", "edge_type", "rel_type", "link_type"),
    *("type", "edge_label", "edge_class", "relation_type", "relation_id", "interaction_type", "interaction", "r", "p"),
    "metaedge",
}
#: Titles of columns that number the rows.
INDEX = {
    "",
    "id",
    "index",
    "idx",
    "row",
    "no",
    "nr",
    "rowid",
    "row_id",
    "suid",
    "unnamed_0",
    "edge_id",
    "key",
    "rownames",
}
#: What rows may be numbered as, in titles such as ``review_id``.
RECORDS = {"review", "rating", "order", "transaction", "edge", "row", "record", "line", "interaction", "tweet", "log"}
RECORDS |= {"purchase", "visit", "click", "link", "relationship", "invoice", "entry", "comment"}

#: Titles of what nodes have, which are no nodes.
ATTRIBUTES = {
    *("age", "gender", "sex", "occupation", "zip", "zipcode", "salary", "price", "title", "genres", "genre", "email"),
    *("name", "label", "labels", "labelset", "timeset", "interval", "summary", "review", "helpful", "verified"),
    *("modularity", "color", "colour", "size", "birthday", "release", "language", "body", "comment", "role"),
}

#: Words of which titles of nodes are made; they tell a header from names where nothing else does.
TITLE_WORDS = {
    *(word for pair in PAIRS for word in pair if len(word) > 1),
    *PLAIN.keys(),
    *USERS,
    *ITEMS,
    *("author", "paper", "gene", "protein", "disease", "friend", "person", "people", "actor", "actress", "director"),
    *("city", "country", "company", "organization", "organisation", "employee", "employer", "manager", "supplier"),
    *("vendor", "seller", "entity", "concept", "term", "word", "topic", "tag", "hashtag", "keyword", "conference"),
    *("journal", "publication", "reference", "citation", "document", "doc", "tweet", "post", "station", "airport"),
    *("stop", "route", "species", "host", "parasite", "predator", "prey", "pollinator", "plant", "compound", "symbol"),
    *("chemical", "pathway", "cell", "tissue", "ip", "address", "wallet", "domain", "link", "edge", "child", "parent"),
    *("father", "mother", "teacher", "school", "team", "club", "party", "politician", "bill", "project", "developer"),
    *("repo", "repository", "package", "dependency", "library", "function", "module", "class", "method", "device"),
    *("sensor", "machine", "part", "component", "ingredient", "category", "genre", "label", "type", "relation", "who"),
    *("whom", "character", "house", "investor", "startup", "writer", "editor", "inventor", "patent", "donor", "woman"),
    *("man", "colleague", "partner", "spouse", "neighbor", "neighbour", "member", "groups", "community", "region"),
    *("state", "site", "street", "road", "junction", "bus", "line", "flight", "airline", "port", "ship", "bank"),
    *(
        "student",
        "course",
        "skill",
        "question",
        "answer",
        "answerer",
        "asker",
        "interactor",
        "regulator",
        "tf",
        "symptom",
    ),
    *("opponent", "retweeter", "habitat", "server", "diagnosis", "mentor", "mentee", "husband", "wife", "department"),
    *("museum", "channel", "borrower", "lender", "landlord", "tenant", "doctor", "hospital", "lawyer", "judge", "case"),
    *("mirna", "lncrna", "rna", "phenotype", "go", "variant", "side", "effect", "event", "location", "group", "data"),
}

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|[+-]?(nan|inf|infinity)", re.IGNORECASE)


def is_number(text: str) -> bool:
    """Whether a cell has a number.

    Example:
        >>> [is_number(text) for text in ("1e+05", "-3", "nan", "1_000", "P1")]
        [True, True, True, False, False]
    """
    return _NUMBER.fullmatch(text.strip()) is not None


def words_of(title: str) -> list[str]:
    """The words of a title; types in RecBole's and Neo4j's titles count as none.

    Example:
        >>> words_of("FromNodeId"), words_of("user_id:token"), words_of(":START_ID(Movie)"), words_of("gene_a")
        (['from', 'node', 'id'], ['user', 'id'], ['start', 'id'], ['gene', 'a'])
    """
    title = title.strip().lstrip("#%").strip()
    title = title.partition("(")[0] if title.endswith(")") else title
    title = re.sub(r"^_?:|:(token|float|token_seq|float_seq|int|long|string|double|boolean)(\[\])?$", "", title)
    found = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-zß-ÿ]+|\d+|[^\W\d_a-zA-Z]+", title)
    words = []
    for word in map(str.lower, found):
        stem = word.removesuffix("id")
        if stem != word and (stem in USERS or stem in ITEMS or stem in ("source", "target", "node", "from", "to")):
            words += [stem, "id"]
        else:
            words.append(word)
    return words


def title_like(title: str) -> bool:
    """Whether a cell reads like the title of a column of nodes."""
    words = words_of(title)
    return bool(words) and any(word in TITLE_WORDS for word in words) and len(title) < 40
