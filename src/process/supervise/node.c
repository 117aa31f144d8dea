#include "process/supervise/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_NODE_FILE = 1024 * 1024 };

enum err supervise_file_read(
	const char *path, size_t max, struct arena *arena, struct str *ret, struct err_info *info)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	size_t done = 0;
	char *bytes;

	if (fd < 0)
		return err_set(info, err_from_errno(errno), "%s: %s", path, strerror(errno));
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (size_t)st.st_size > max) {
		close(fd);
		return err_set(
			info, ERR_TOO_LONG, "%s: not a file of at most %zu bytes", path, max);
	}
	bytes = arena_alloc(arena, (size_t)st.st_size + 1);
	while (done < (size_t)st.st_size) {
		ssize_t n = read(fd, bytes + done, (size_t)st.st_size - done);

		if (n <= 0)
			break;
		done += (size_t)n;
	}
	close(fd);
	*ret = str_make(bytes, done);
	return ERR_OK;
}

/* FILE: line N: message, where the message begins with the path of a property. */
static enum err at_line(
	struct err_info *info, enum err e, const char *path, struct str text, const char *message)
{
	struct str rest = str_of(message);
	unsigned line = model_yaml_line(text, str_cut(&rest, ':'));

	if (line == 0)
		return err_set(info, e, "%s: %s", path, message);
	return err_set(info, e, "%s: line %u: %s", path, line, message);
}

static enum err read_node(const char *path, struct arena *arena, struct model_node *node,
	struct str *ret_text, struct err_info *info)
{
	struct err_info why = {.text = ""};
	struct str text = {0};
	json_t *json = NULL;
	enum err e = supervise_file_read(path, MAX_NODE_FILE, arena, &text, info);

	if (e != ERR_OK)
		return e;
	e = model_parse_yaml(text, &json, &why);
	if (e == ERR_OK)
		e = record_from_json(&model_node_desc, json, "", arena, node, &why);
	json_decref(json);
	*ret_text = text;
	return e == ERR_OK ? ERR_OK : at_line(info, e, path, text, why.text);
}

static const char *directory_of(const char *path, struct arena *arena)
{
	size_t slash = str_find_last(str_of(path), '/');

	return slash == 0 ? "/" : arena_text_of(arena, str_make(path, slash));
}

/* Where an ordinary user keeps such things (XDG base directories). */
static enum err user_directories(
	struct model_node *node, struct arena *arena, struct err_info *info)
{
	const char *home = getenv("HOME"), *data = getenv("XDG_DATA_HOME");
	const char *run = getenv("XDG_RUNTIME_DIR");

	if (node->data == NULL && data != NULL && data[0] == '/')
		node->data = arena_format(arena, "%s/sealpost", data);
	if (node->data == NULL && home != NULL && home[0] == '/')
		node->data = arena_format(arena, "%s/.local/share/sealpost", home);
	if (node->data == NULL)
		return err_set(info, ERR_UNKNOWN,
			"data: no directory is named in the node file, and HOME is not set");
	if (node->run == NULL && run != NULL && run[0] == '/')
		node->run = arena_format(arena, "%s/sealpost", run);
	if (node->run == NULL)
		node->run = arena_format(arena, "%s/run", node->data);
	return ERR_OK;
}

static enum err complete(struct model_node *node, struct arena *arena, struct err_info *info)
{
	bool is_root = geteuid() == 0;
	char name[HOST_NAME_MAX + 1] = "localhost";
	enum err e = ERR_OK;

	if (node->hostname == NULL) {
		gethostname(name, sizeof(name) - 1);
		str_lower_in_place(name, strlen(name));
		node->hostname = arena_text(arena, name);
	}
	if (node->data == NULL && is_root)
		node->data = "/var/lib/sealpost";
	if (node->run == NULL && is_root)
		node->run = "/run/sealpost";
	if (node->data == NULL || node->run == NULL)
		e = user_directories(node, arena, info);
	if (e == ERR_OK && node->listeners.count == 0) {
		node->listeners.items = arena_alloc(arena, sizeof(node->listeners.items[0]));
		node->listeners.count = 1;
		node->listeners.items[0] = (struct model_listener){
			.name = "mx",
			.address = is_root ? "[::]:25" : "127.0.0.1:2525",
			.tls = MODEL_TLS_STARTTLS,
			.bare_newline = MODEL_BARE_REJECT,
		};
	}
	return e;
}

enum err supervise_node_load(struct supervise_settings *s, struct err_info *info)
{
	struct model_node *node = arena_alloc(s->arena, sizeof(*node));
	const char *node_file = s->node_file;
	struct err_info why = {.text = ""};
	struct str text = str_of("");
	enum err e = ERR_OK;

	record_init(&model_node_desc, node, s->arena);
	if (node_file != NULL)
		e = read_node(node_file, s->arena, node, &text, info);
	if (e == ERR_OK && node_file != NULL)
		model_resolve_paths(node, directory_of(node_file, s->arena), s->arena);
	if (e == ERR_OK)
		e = complete(node, s->arena, info);
	s->node = node;
	if (e == ERR_OK)
		e = supervise_imported_add(s, info);
	if (e != ERR_OK)
		return e;
	e = model_check_node(node, &why);
	if (e != ERR_OK)
		return at_line(info, e, node_file != NULL ? node_file : "defaults", text, why.text);
	return ERR_OK;
}
