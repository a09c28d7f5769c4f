"""What a reader who knows the rule of the generated long histories (long_histories.h) finds with the newest so many events: how much
there is to gain by length, and so what a model has yet to learn. No model is asked; the reader knows how items fall into genres and how
sessions go, and nothing of the user but those events.

    length_oracle.py histories.txt [--genres 100] [--lengths 50,200,...] [--questions 16]

Behind the events of the newest session it looks for earlier ones of the same item, and takes what followed there in the item's genre; two
agreeing events of the session count double. Places that are left go to the user's items, those of the session's genre first, then to all
of that genre. Questions are those of length_curve.sh: spread over the last tenth of each user of 500 events and more."""
import argparse, collections, math

NEAR = 8  # events that a session reaches back


def candidates(window, genres):
    at = collections.defaultdict(list)
    for i, item in enumerate(window):
        at[item].append(i)
    n, score, weight, seen = len(window), collections.Counter(), 1.0, []
    for back in range(1, min(NEAR, n) + 1):
        item = window[n - back]
        genre = item % genres
        if genre in seen:  # a newer event of it was read
            continue
        seen.append(genre)
        before = next((x for x in reversed(window[max(0, n - back - 5):n - back]) if x % genres == genre), None)
        for i in reversed(at[item][-9:]):
            after = next((x for x in window[i + 1:min(n - back, i + 4)] if x % genres == genre and x != item), None)
            if i == n - back or after is None:
                continue
            then = next((x for x in reversed(window[max(0, i - 5):i]) if x % genres == genre), None)
            score[after] += 10 * weight * (1 if before else 0.5) * (2 if before is not None and before == then else 1)
        share = weight * (1 if before is not None else 0.3)
        for other in range(genre, max(window) + 1, genres):
            score[other] += 1e-2 * share * (1 + 4 * min(len(at[other]), 3)) if other != item else 0
        weight *= 0.3 if before is not None else 0.6
    for item, places in at.items():
        score[item] += 1e-4 * len(places)
    return [item for item, _ in sorted(score.items(), key=lambda pair: (-pair[1], pair[0]))[:10]]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("--genres", type=int, default=100)
    parser.add_argument("--lengths", default="50,200,256,1000,2000,5000,10000")
    parser.add_argument("--questions", type=int, default=16)
    a = parser.parse_args()
    users = [[int(item.rsplit("-", 1)[1]) for item in line.split()[1:]] for line in open(a.file)]
    users = [user for user in users if len(user) >= 500]
    print(f"reader of the rule, NDCG@10, {len(users)} users\nnewest events")
    for length in map(int, a.lengths.split(",")):
        total = 0.0
        for user in users:
            begin = len(user) * 9 // 10
            span = len(user) - begin
            asked = [begin + k * span // min(a.questions, span) for k in range(min(a.questions, span))]
            for at in asked:
                top = candidates(user[max(0, at - length):at], a.genres)
                if user[at] in top:
                    total += 1 / math.log2(top.index(user[at]) + 2) / len(asked)
        print(f"{length:<10}  {total / len(users):.4f}", flush=True)


main()
