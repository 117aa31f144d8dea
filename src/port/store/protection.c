/* What is known of the protection of destinations and senders. */
#include "port/store/work.h"

struct protection {
	struct store_work work;
	store_protections_done *got;
	store_done *put;
	void *context;
	struct store_protection one;
	struct store_protection *all;
	size_t count;
};

static enum err run_put(struct store_work *work, struct store_group *group)
{
	const struct protection *p = (const struct protection *)work;

	(void)group;
	return work->store->engine.ops->protection_put(work->store->engine.self, &p->one);
}

static enum err run_remove(struct store_work *work, struct store_group *group)
{
	const struct protection *p = (const struct protection *)work;

	(void)group;
	return work->store->engine.ops->protection_remove(work->store->engine.self, &p->one);
}

static enum err run_all(struct store_work *work, struct store_group *group)
{
	struct protection *p = (struct protection *)work;

	(void)group;
	return work->store->engine.ops->protections(
		work->store->engine.self, work->found, &p->all, &p->count);
}

static bool complete(struct store_work *work)
{
	const struct protection *p = (const struct protection *)work;
	bool ok = work->result == ERR_OK;

	if (p->got != NULL)
		p->got(p->context, work->result, ok ? p->all : NULL, ok ? p->count : 0);
	else if (p->put != NULL)
		p->put(p->context, work->result);
	return false;
}

static struct protection *work_new(struct store *store, const struct store_protection *one,
	enum err (*run)(struct store_work *work, struct store_group *group), void *context)
{
	struct protection *p = store_work_new(store, sizeof(*p));

	p->work.run = run;
	p->work.complete = complete;
	p->context = context;
	if (one != NULL) {
		p->one = *one;
		store_protection_own(p->work.arena, &p->one);
	}
	return p;
}

void store_protection_put(
	struct store *store, const struct store_protection *one, store_done *done, void *context)
{
	struct protection *p = work_new(store, one, run_put, context);

	p->put = done;
	store_work_submit(&p->work);
}

void store_protection_remove(
	struct store *store, const struct store_protection *one, store_done *done, void *context)
{
	struct protection *p = work_new(store, one, run_remove, context);

	p->put = done;
	store_work_submit(&p->work);
}

void store_protections(struct store *store, store_protections_done *done, void *context)
{
	struct protection *p = work_new(store, NULL, run_all, context);

	p->got = done;
	store_work_submit(&p->work);
}
