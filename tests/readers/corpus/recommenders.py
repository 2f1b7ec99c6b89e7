"""Who bought, rated or heard what: MovieLens, RecBole, and tables of shops and of papers on recommendation."""

from __future__ import annotations

from .case import Answer, case, edges

_PAIRS = edges("196 242, 186 302, 22 377, 196 302")
#: Users and items by number; user 22 is not item 22.
_RATED = Answer(_PAIRS, (3, 3, 1, 4), rated=True, sides=True)
_EARLY = "1::1::5::0\n2::1::4::7\n1::2::3::60\n"
_EARLY_ANSWER = Answer(edges("1 1, 2 1, 1 2"), (5, 4, 3), rated=True, sides=True)
_SAME = Answer(edges("1 1, 1 2, 2 1, 3 2"), (5, 3, 4, 1), rated=True, sides=True)
_ENDS = "bipartite|columns"
_DATA = "1\t1\t5\t874965758\n1\t2\t3\t876893171\n2\t1\t4\t878542960\n3\t2\t1\t881250949\n"
_DAT = "1::1::5::978300760\n1::2::3::978302109\n2::1::4::978301968\n3::2::1::978300275\n"
_CSV = "userId,movieId,rating,timestamp\n1,1,5.0,964982703\n1,2,3.0,964981247\n2,1,4.0,964982224\n3,2,1.0,964983815\n"
_ITEMS = (
    "1|Toy Story (1995)|01-Jan-1995||http://us.imdb.com/M/title-exact?Toy%20Story|0|0|0|1|1\n"
    "2|GoldenEye (1995)|01-Jan-1995||http://us.imdb.com/M/title-exact?GoldenEye|0|1|1|0|0\n"
)
_INTER = (
    "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
    "1\t1\t5\t8.7e8\n1\t2\t3\t8.7e8\n2\t1\t4\t8.7e8\n3\t2\t1\t8.8e8\n"
)
_BACK = "item_id:token\tuser_id:token\n1\t1\n2\t1\n1\t2\n2\t3\n"
_KG = "head_id:token\trelation_id:token\ttail_id:token\nm.1\tfilm.by\tm.2\nm.2\tborn.in\tm.3\n"
_LINK = "item_id:token\tentity_id:token\n1\tm.1\n2\tm.2\n"
_LISTS = "0 0 1 2\n1 1\n2 0 2\n"
_LISTED = Answer(edges("0 0, 0 1, 0 2, 1 1, 2 0, 2 2"), sides=True)
_AMAZON = Answer(edges("A1 B001, A1 B002, A2 B001"), (5, 4, 1), rated=True, sides=True)

CASES = [
    case("MovieLens u.data", "u.data", _DATA, _SAME, _ENDS + "|input.format"),
    case("MovieLens u.data as users and items", "u.data", _DATA, _SAME, bipartite=True),
    case("MovieLens u1.base", "u1.base", _DATA, _SAME, _ENDS + "|input.format"),
    case("MovieLens ratings.dat", "ratings.dat", _DAT, _SAME, _ENDS + "|input.format"),
    case("MovieLens ratings.dat as users and items", "ratings.dat", _DAT, _SAME, bipartite=True),
    case("MovieLens ratings.csv", "ratings.csv", _CSV, _SAME, _ENDS),
    case("MovieLens ratings.csv as users and items", "ratings.csv", _CSV, _SAME, bipartite=True),
    case(
        "MovieLens u.item is no graph", "u.item", _ITEMS.encode("latin-1"), None, "columns|nodes|input.format|encoding"
    ),
    case(
        "MovieLens movies.csv is no graph",
        "movies.csv",
        "movieId,title,genres\n1,Toy Story (1995),Adventure|Animation\n2,Jumanji (1995),Adventure|Fantasy\n",
        None,
        "columns|nodes",
    ),
    case(
        "MovieLens tags.csv",
        "tags.csv",
        "userId,movieId,tag,timestamp\n2,60756,funny,1445714994\n2,89774,boxing,1445715207\n18,431,mafia,1462138765\n",
        Answer(edges("2 60756, 2 89774, 18 431"), sides=True),
        bipartite=True,
    ),
    case("RecBole .inter", "ml.inter", _INTER, _SAME, bipartite=True),
    case("RecBole .inter without a word", "ml.inter", _INTER, _SAME, _ENDS),
    case(
        "RecBole .inter, item first", "ml.inter", _BACK, Answer(edges("1 1, 1 2, 2 1, 3 2"), sides=True), bipartite=True
    ),
    case("RecBole .kg", "ml.kg", _KG, Answer(edges("m.1 m.2, m.2 m.3"), relations=("film.by", "born.in"))),
    case("RecBole .link", "ml.link", _LINK, Answer(edges("1 m.1, 2 m.2"), sides=True)),
    case(
        "RecBole .user is no graph",
        "ml.user",
        "user_id:token\tage:token\tgender:token\n1\t24\tM\n2\t53\tF\n",
        None,
        "columns|nodes|features",
    ),
    case("LightGCN's train.txt", "train.txt", _LISTS, _LISTED, "adjlist"),
    case("LightGCN's train.txt by hand", "train.txt", _LISTS, _LISTED, input_format="adjlist", bipartite=True),
    case(
        "Amazon without titles",
        "ratings_Books.csv",
        "A1,B001,5.0,1367193600\nA1,B002,4.0,1367193600\nA2,B001,1.0,1367193601\n",
        _AMAZON,
    ),
    case(
        "Amazon 2023",
        "Books.csv",
        "user_id,parent_asin,rating,timestamp\nA1,B001,5.0,1367193600\nA1,B002,4.0,1367193600\nA2,B001,1.0,1367193601\n",
        _AMAZON,
        bipartite=True,
    ),
    case(
        "Amazon, item first",
        "r.csv",
        "asin,reviewerID,overall,unixReviewTime\nB001,A1,5.0,1367193600\nB002,A1,4.0,1367193600\nB001,A2,1.0,1367193601\n",
        _AMAZON,
        _ENDS,
        bipartite=True,
    ),
    case(
        "Book-Crossing",
        "BX-Book-Ratings.csv",
        b'"User-ID";"ISBN";"Book-Rating"\r\n"276725";"034545104X";"0"\r\n"276726";"0155061224";"5"\r\n',
        Answer(edges("276725 034545104X, 276726 0155061224"), (0, 5), rated=True, sides=True),
        "weight|rating",
        bipartite=True,
    ),
    case(
        "Last.fm",
        "user_artists.dat",
        "userID\tartistID\tweight\n2\t51\t13883\n2\t52\t11690\n4\t51\t228\n",
        Answer(edges("2 51, 2 52, 4 51"), (13883, 11690, 228), rated=True, sides=True),
        bipartite=True,
    ),
    case(
        "Goodreads",
        "goodreads.csv",
        "user_id,book_id,is_read,rating,is_reviewed\n0,948,1,5,0\n0,947,1,5,1\n1,948,0,0,0\n",
        Answer(edges("0 948, 0 947, 1 948"), sides=True, weights=(5, 5, 0), rated=True),
        "weight|rating",
        bipartite=True,
    ),
    case(
        "Steam",
        "steam.csv",
        "151603712,Fallout 4,purchase,1.0,0\n151603712,Spore,purchase,1.0,0\n53875128,Spore,play,87.0,0\n",
        Answer(
            [("151603712", "Fallout 4"), ("151603712", "Spore"), ("53875128", "Spore")],
            (1, 1, 87),
            rated=True,
            sides=True,
        ),
        "columns",
        bipartite=True,
    ),
    case(
        "Epinions",
        "ratings_data.txt",
        "22605 42915 3\n22605 5052 4\n5052 42915 5\n",
        Answer(edges("22605 42915, 22605 5052, 5052 42915"), (3, 4, 5), rated=True, sides=True),
        bipartite=True,
    ),
    case(
        "Netflix prize",
        "mv_1.txt",
        "1:\n1488844,3,2005-09-06\n822109,5,2005-05-13\n",
        None,
        "line|columns|delimiter|one column",
    ),
    case(
        "Yelp's JSON",
        "review.json",
        '{"user_id": "u", "business_id": "b", "stars": 4.0}\n{"user_id": "v", "business_id": "b", "stars": 2}\n',
        Answer(edges("u b, v b"), (4, 2), rated=True, sides=True),
    ),
    case("Yelp's JSON, one line", "review.json", '{"user_id": "u", "business_id": "b"}\n', Answer(edges("u b"))),
    case("ratings.dat with times from 0", "ratings.dat", _EARLY, _EARLY_ANSWER),
    case("ratings.dat, one rating damaged", "ratings.dat", _DAT.replace("::3::", "::3{::", 1), None, r"line 2.*3\{"),
    case("ratings with double colons and times from 0", "r.txt", _EARLY, _EARLY_ANSWER),
    case("u.data with times from 0", "u.data", _EARLY.replace("::", "\t"), _EARLY_ANSWER),
    case("libFM", "train.libfm", "5 0:1 943:1\n3 0:1 944:1\n", None, "input.format|columns|edge list"),
    case(
        "orders of a shop",
        "orders.csv",
        "order_id,order_date,customer_id,product_id,quantity,price\n9001,2024-01-05,C1,P9,2,9.99\n9002,2024-01-06,C2,P9,1,9.99\n9003,2024-01-07,C2,P3,1,4.5\n",
        Answer(edges("C1 P9, C2 P9, C2 P3"), sides=True),
        "columns",
        bipartite=True,
    ),
    case(
        "orders of a shop by hand",
        "orders.csv",
        "order_id,order_date,customer_id,product_id,quantity,price\n9001,2024-01-05,C1,P9,2,9.99\n9002,2024-01-06,C2,P9,1,9.99\n9003,2024-01-07,C2,P3,1,4.5\n",
        Answer(edges("C1 P9, C2 P9, C2 P3"), (2, 1, 1), sides=True),
        bipartite=True,
        columns={"source": "customer_id", "target": "product_id", "weight": "quantity"},
    ),
    case(
        "user and item with equal names",
        "likes.csv",
        "user,item\napple,apple\napple,pear\npear,apple\n",
        Answer(edges("apple apple, apple pear, pear apple"), sides=True),
        _ENDS,
    ),
    case("user_id alone is no edge", "users.csv", "user_id,age\n1,24\n2,53\n", None, "columns"),
]
