/* Files of public data sets as they are, by their first lines: which column is what, without an option. */
#include "tests/ingest/data/probe.h"
#include <criterion/criterion.h>
#include <string.h>

TestSuite(layouts, .init = probe_make, .fini = probe_remove);

static void expect_auto(const char *text, const char *want) {
  solid_data_options o = probe_format(SOLID_DATA_AUTO);
  expect_with(text, &o, want);
}

Test(layouts, amazon_ratings) {
  expect_auto("A39HTATAQ9V7YF,0205616461,5.0,1369699200\nA3JM6GV9MNOF9X,0558925278,3.0,1355443200\n"
              "A39HTATAQ9V7YF,B000052YP6,1.0,1355443201\n",
              "A39HTATAQ9V7YF B000052YP6  1355443201000 1\nA39HTATAQ9V7YF 0205616461  1369699200000 5\n"
              "A3JM6GV9MNOF9X 0558925278  1355443200000 3\n");
  expect_auto("0143026860,A1V6B6TNIC10QE,1.0,1424304000\n0143026860,A2F5GHSXFQ0W6J,4.0,1418860800\n",
              "A1V6B6TNIC10QE 0143026860  1424304000000 1\nA2F5GHSXFQ0W6J 0143026860  1418860800000 4\n");
  expect_auto("user_id,parent_asin,rating,timestamp\nAGKHLEW2SOWHNMFQIJGBECAF7INQ,B00YQ6X8EO,5.0,1588687728923\n",
              "AGKHLEW2SOWHNMFQIJGBECAF7INQ B00YQ6X8EO  1588687728923 5\n");
  expect_auto("user_id,parent_asin,rating,timestamp,history\nAGK,B00YQ6X8EO,5.0,1588687728923,B01 B02\n",
              "AGK B00YQ6X8EO  1588687728923 5\n");
}

static const char reviews_2014[] =
    "{\"reviewerID\": \"A1YJEY40YUW4SE\", \"asin\": \"7806397051\", \"reviewerName\": \"Andrea\", \"helpful\": [3, 4], "
    "\"reviewText\": \"Very {oily}\", \"overall\": 1.0, \"summary\": \"Don't\", \"unixReviewTime\": 1391040000}\n"
    "{\"reviewerID\": \"A1YJEY40YUW4SE\", \"asin\": \"B0000\", \"overall\": 4, \"unixReviewTime\": 1391030000}\n";

Test(layouts, amazon_reviews) {
  expect_events(reviews_2014, SOLID_DATA_REVIEWS,
                "A1YJEY40YUW4SE B0000  1391030000000 4\nA1YJEY40YUW4SE 7806397051  1391040000000 1\n");
  expect_events(
      "{\"rating\": 5.0, \"title\": \"Such a lovely scent\", \"text\": \"...\", \"images\": [], \"asin\": "
      "\"B00YQ6X8EO\", "
      "\"parent_asin\": \"B00PARENT0\", \"user_id\": \"AGKHLEW2SOWHNMFQIJGBECAF7INQ\", \"timestamp\": 1588687728923, "
      "\"helpful_vote\": 0, \"verified_purchase\": true}\n",
      SOLID_DATA_REVIEWS, "AGKHLEW2SOWHNMFQIJGBECAF7INQ B00PARENT0  1588687728923 5\n");
}

Test(layouts, a_review_that_is_none_is_named) {
  char text[1000];
  strcpy(text, reviews_2014);
  strcat(text, "{\"asin\": \"7806397051\"}\n");
  expect_bad(text, SOLID_DATA_REVIEWS,
             ":3: no review: want reviewerID, asin, unixReviewTime, or user_id, parent_asin, timestamp");
  expect_bad("{\"reviewerID\": \"\", \"asin\": \"a\", \"unixReviewTime\": 1}\n", SOLID_DATA_REVIEWS,
             ":1: user of 0 bytes, want 1 to 255");
  solid_data_options o = probe_format(SOLID_DATA_AUTO);
  o.bad_lines = 1;
  expect_with(text, &o, "A1YJEY40YUW4SE B0000  1391030000000 4\nA1YJEY40YUW4SE 7806397051  1391040000000 1\n");
}

Test(layouts, retailrocket) {
  expect_auto(
      "timestamp,visitorid,event,itemid,transactionid\n1433221332117,257597,view,355908,\n"
      "1433224214164,992329,transaction,248676,7\n1433221000000,257597,addtocart,1,\n",
      "257597 1 addtocart 1433221000000\n257597 355908 view 1433221332117\n992329 248676 transaction 1433224214164\n");
}

Test(layouts, taobao) {
  expect_auto("1,2268318,2520377,pv,1511544070\n1,2333346,2520771,buy,1511561733\n100,2576651,149192,fav,1511572885\n",
              "1 2268318 pv 1511544070000\n1 2333346 buy 1511561733000\n100 2576651 fav 1511572885000\n");
}

Test(layouts, yoochoose) {
  expect_auto("1,2014-04-07T10:51:09.277Z,214536502,0\n1,2014-04-07T10:54:09.868Z,214536500,S\n",
              "1 214536502  1396867869277\n1 214536500  1396868049868\n");
  expect_auto("420374,2014-04-06T18:44:58.314Z,214537888,12462,1\n", "420374 214537888  1396809898314\n");
}

Test(layouts, kuairec) {
  expect_auto("user_id,video_id,play_duration,video_duration,time,date,timestamp,watch_ratio\n"
              "0,3649,13838,10867,2020-07-05 00:08:23.438,20200705,1593878903.438,1.273396521579093\n"
              "0,9598,13665,10984,2020-07-05 00:13:41.297,20200705,1593879221.297,0.5\n",
              "0 3649  1593878903438 1.2734\n0 9598  1593879221297 0.5\n");
}

Test(layouts, goodbooks) {
  expect_auto("user_id,book_id,rating\n1,258,5\n2,4081,4\n", "1 258  0 5\n2 4081  1 4\n");
  expect_auto("book_id,user_id,rating\n258,1,5\n", "1 258  0 5\n");
}

Test(layouts, steam) {
  expect_auto(
      "151603712,\"The Elder Scrolls V Skyrim\",purchase,1.0,0\n151603712,\"The Elder Scrolls V Skyrim\",play,273.0,0\n"
      "151603712,Fallout 4,purchase,1.0,0\n",
      "151603712 The Elder Scrolls V Skyrim purchase 0\n151603712 The Elder Scrolls V Skyrim play 1\n"
      "151603712 Fallout 4 purchase 2\n");
  expect_auto(
      "app_id,helpful,funny,date,is_recommended,hours,user_id,review_id\n975370,0,0,2022-12-12,True,36.3,51580,0\n"
      "304390,4,0,2017-02-17,False,11.5,2586,1\n",
      "51580 975370 True 1670803200000\n2586 304390 False 1487289600000\n");
}

Test(layouts, gowalla) {
  expect_auto("0\t2010-10-19T23:55:27Z\t30.2359091167\t-97.7951395833\t22847\n"
              "0\t2010-10-18T22:17:43Z\t30.2691029532\t-97.7493953705\t420315\n",
              "0 420315  1287440263000\n0 22847  1287532527000\n");
}

/* What only looks like one of them is asked about, as before. */
Test(layouts, what_is_alike_and_not_the_same_is_refused) {
  solid_data_options o = probe_format(SOLID_DATA_AUTO);
  expect_refusal("1,2268318,2520377,pv,1511544070\n1,2333346,2520771,dance,1511561733\n", &o, "--user-column");
  expect_refusal("1,2268318,2520377,pv,1511544070\n1,2333346,2520771,pv\n", &o, "--user-column");
  expect_refusal("A39HTATAQ9V7YF,A39HTATAQ9V7YG,5.0,1369699200\n", &o, "--user-column");
  expect_refusal("0\t2010-10-19T23:55:27Z\tnorth\t-97.7951395833\t22847\n", &o, "--user-column");
}
