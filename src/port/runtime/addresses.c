#include "port/runtime/addresses.h"

#include "base/map.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

struct table {
	uint64_t seed;
	uint64_t unused[511]; /* rows begin at a page */
	_Atomic uint16_t rows[RUNTIME_ADDRESSES_ROWS][RUNTIME_ADDRESSES_BUCKETS];
};

struct runtime_addresses {
	struct table *table;
	unsigned row;
};

enum err runtime_addresses_create(int *ret_fd)
{
	uint64_t seed;
	int fd = memfd_create("sealpost-addresses", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	enum err e = ERR_OK;

	if (fd < 0)
		return err_from_errno(errno);
	if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed) ||
		ftruncate(fd, (off_t)sizeof(struct table)) < 0 ||
		pwrite(fd, &seed, sizeof(seed), 0) != (ssize_t)sizeof(seed) ||
		fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		e = err_from_errno(errno);
	if (e != ERR_OK) {
		close(fd);
		return e;
	}
	*ret_fd = fd;
	return ERR_OK;
}

enum err runtime_addresses_forget(int fd, unsigned row)
{
	const off_t size = (off_t)sizeof(((struct table *)NULL)->rows[0]);
	const off_t start = (off_t)offsetof(struct table, rows);

	if (row >= RUNTIME_ADDRESSES_ROWS)
		return ERR_RANGE;
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, start + row * size, size) < 0)
		return err_from_errno(errno);
	return ERR_OK;
}

enum err runtime_addresses_open(int fd, unsigned row, struct runtime_addresses **ret)
{
	struct runtime_addresses *a;
	void *table;

	if (row >= RUNTIME_ADDRESSES_ROWS)
		return ERR_RANGE;
	table = mmap(NULL, sizeof(struct table), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (table == MAP_FAILED)
		return err_from_errno(errno);
	a = mem_new(sizeof(*a));
	a->table = table;
	a->row = row;
	*ret = a;
	return ERR_OK;
}

void runtime_addresses_close(struct runtime_addresses **addresses)
{
	if (*addresses == NULL)
		return;
	munmap((*addresses)->table, sizeof(struct table));
	free(*addresses);
	*addresses = NULL;
}

static size_t bucket(const struct runtime_addresses *a, const struct sockaddr *peer)
{
	struct str key = STR("other");

	if (peer->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)peer;

		key = str_make(&in->sin_addr, sizeof(in->sin_addr));
	} else if (peer->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)peer;

		if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
			key = str_make(in6->sin6_addr.s6_addr + 12, 4);
		else
			key = str_make(in6->sin6_addr.s6_addr, 8);
	}
	return map_hash(key, a->table->seed) % RUNTIME_ADDRESSES_BUCKETS;
}

static unsigned sum(const struct runtime_addresses *a, size_t at)
{
	unsigned total = 0;

	for (size_t row = 0; row < RUNTIME_ADDRESSES_ROWS; row++)
		total += atomic_load_explicit(&a->table->rows[row][at], memory_order_relaxed);
	return total;
}

unsigned runtime_addresses_add(struct runtime_addresses *a, const struct sockaddr *peer)
{
	size_t at = bucket(a, peer);
	_Atomic uint16_t *own = &a->table->rows[a->row][at];

	if (atomic_load_explicit(own, memory_order_relaxed) < UINT16_MAX)
		atomic_fetch_add_explicit(own, 1, memory_order_relaxed);
	return sum(a, at);
}

void runtime_addresses_remove(struct runtime_addresses *a, const struct sockaddr *peer)
{
	_Atomic uint16_t *own = &a->table->rows[a->row][bucket(a, peer)];

	if (atomic_load_explicit(own, memory_order_relaxed) > 0)
		atomic_fetch_sub_explicit(own, 1, memory_order_relaxed);
}

unsigned runtime_addresses_count(const struct runtime_addresses *a, const struct sockaddr *peer)
{
	return sum(a, bucket(a, peer));
}
