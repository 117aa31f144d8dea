#include "process/admin/rates.h"

#include "base/map.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

enum { WHOLE = 1000 /* parts of a request */ };

struct bucket {
	struct bucket *newer, *older; /* by use */
	char key[ADMIN_RATES_MAX_KEY];
	int64_t parts; /* that are in it */
	int64_t at_ms; /* then */
};

struct admin_rates {
	struct map *buckets;
	struct bucket *newest, *oldest;
};

struct admin_rates *admin_rates_new(uint64_t seed)
{
	struct admin_rates *rates = mem_new(sizeof(*rates));

	rates->buckets = map_new(seed);
	return rates;
}

static void unlink_bucket(struct admin_rates *rates, struct bucket *bucket)
{
	if (bucket->newer != NULL)
		bucket->newer->older = bucket->older;
	else
		rates->newest = bucket->older;
	if (bucket->older != NULL)
		bucket->older->newer = bucket->newer;
	else
		rates->oldest = bucket->newer;
	bucket->newer = bucket->older = NULL;
}

static void put_first(struct admin_rates *rates, struct bucket *bucket)
{
	bucket->older = rates->newest;
	if (rates->newest != NULL)
		rates->newest->newer = bucket;
	rates->newest = bucket;
	if (rates->oldest == NULL)
		rates->oldest = bucket;
}

static void drop(struct admin_rates *rates, struct bucket *bucket)
{
	unlink_bucket(rates, bucket);
	map_remove(rates->buckets, str_of(bucket->key));
	free(bucket);
}

void admin_rates_free(struct admin_rates **rates)
{
	struct admin_rates *r = *rates;
	struct bucket *older;

	*rates = NULL;
	if (r == NULL)
		return;
	for (struct bucket *bucket = r->newest; bucket != NULL; bucket = older) {
		older = bucket->older;
		drop(r, bucket);
	}
	map_free(&r->buckets);
	free(r);
}

static struct str cut(struct str key)
{
	return str_part(key, 0, ADMIN_RATES_MAX_KEY - 1);
}

static struct bucket *bucket_of(
	struct admin_rates *rates, struct str key, const struct admin_rate *rate, int64_t now_ms)
{
	struct bucket *bucket = map_get(rates->buckets, key);

	if (bucket != NULL) {
		unlink_bucket(rates, bucket);
	} else {
		if (map_count(rates->buckets) >= ADMIN_RATES_MAX)
			drop(rates, rates->oldest);
		bucket = mem_new(sizeof(*bucket));
		snprintf(bucket->key, sizeof(bucket->key), "%.*s", STR_ARGS(key));
		bucket->parts = rate->burst * WHOLE;
		bucket->at_ms = now_ms;
		map_set(rates->buckets, str_of(bucket->key), bucket);
	}
	put_first(rates, bucket);
	return bucket;
}

/* What has come back since; at a thousand a second it is one each ms. */
static void fill(struct bucket *bucket, const struct admin_rate *rate, int64_t now_ms)
{
	int64_t most = rate->burst * WHOLE, passed = now_ms - bucket->at_ms;
	int64_t missing = most - bucket->parts;

	bucket->at_ms = now_ms;
	if (missing <= 0 || passed >= missing / rate->per_second + 1)
		bucket->parts = most;
	else
		bucket->parts += passed * rate->per_second;
}

int64_t admin_rates_take(
	struct admin_rates *rates, struct str key, const struct admin_rate *rate, int64_t now_ms)
{
	struct bucket *bucket = bucket_of(rates, cut(key), rate, now_ms);

	fill(bucket, rate, now_ms);
	if (bucket->parts < WHOLE)
		return (WHOLE - bucket->parts + rate->per_second - 1) / rate->per_second;
	bucket->parts -= WHOLE;
	return 0;
}

bool admin_rates_knows(const struct admin_rates *rates, struct str key)
{
	return map_get(rates->buckets, cut(key)) != NULL;
}

size_t admin_rates_count(const struct admin_rates *rates)
{
	return map_count(rates->buckets);
}
