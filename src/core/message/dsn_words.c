#include "core/message/dsn_internal.h"
#include "core/policy/outcome.h"

#include <stddef.h>

static const char us[] = "your own mail administrators";
static const char them[] = "the administrators of the recipient's server";
static const char both[] = "your own mail administrators, together with those of the recipient";
static const char you[] = "you";
static const char recipient[] = "the recipient";

struct row {
	const char *key; /* a token, or an enhanced code without its class: ".7.1", ".7." */
	struct message_dsn_words words;
};

/* Who can mend what policy found; the rest of the words stand in the policy's own table. */
static const struct {
	const char *token;
	const char *who;
} parties[] = {
	{"untrusted-root", both},
	{"self-signed", both},
	{"name-mismatch", both},
	{"not-yet-valid", both},
	{"revocation-unknown", both},
	{"handshake-failed", both},
	{"no-route", us},
	{"bad-address", you},
};

static const struct row tokens[] = {
	{"dns", {"The recipient's domain could not be looked up", both,
			"Check the spelling of the address; if it is right, the DNS of the domain "
			"has to be repaired"}},
	{"no-domain", {"The recipient's domain does not exist", you,
			      "Check the spelling of the address behind the @ sign"}},
	{"null-mx", {"The recipient's domain says that it takes no mail", you,
			    "Ask the recipient for another address"}},
	{"connect", {"The recipient's server could not be reached", them,
			    "The server, or the way to it, has to be repaired; send again later"}},
	{"timeout", {"The recipient's server did not answer in time", them,
			    "The server has to be repaired; send again later"}},
	{"closed", {"The recipient's server ended the connection", them,
			   "The server has to be repaired; send again later"}},
	{"loop", {"The message went round in a circle", us,
			 "Two servers pass this domain's mail to each other: the routing has to be "
			 "corrected"}},
	{"too-large", {"The message is larger than the recipient's server takes", you,
			      "Send it in parts, or share large files in another way"}},
	{"maildir", {"The message could not be written to the mailbox", us,
			    "The mail store has to be repaired"}},
	{"returned", {"An administrator of this server gave the message back", us,
			     "Ask them for the reason"}},
	{"no-8bitmime", {"The recipient's server does not take messages of this form", them,
				"Send the message as plain text"}},
	{"no-smtputf8", {"The recipient's server does not take addresses beyond ASCII", you,
				"Ask the recipient for an address in plain letters"}},
};

static const struct row codes[] = {
	{".1.1", {"The recipient's server does not know this address", you,
			 "Check the spelling of the address, or ask the recipient"}},
	{".1.2", {"The recipient's domain does not exist", you,
			 "Check the spelling of the address behind the @ sign"}},
	{".1.6", {"The recipient has moved", you, "Ask the recipient for the new address"}},
	{".1.8", {"The recipient's server does not accept the sender's domain", us,
			 "The DNS of your own domain has to be corrected"}},
	{".1.10", {"The recipient's domain says that it takes no mail", you,
			  "Ask the recipient for another address"}},
	{".1.", {"The recipient's server does not accept an address", you,
			"Check the spelling of the addresses"}},
	{".2.2", {"The recipient's mailbox is full", recipient,
			 "Ask the recipient to make room, and send again"}},
	{".2.3", {"The message is larger than the recipient's mailbox takes", you,
			 "Send it in parts, or share large files in another way"}},
	{".2.", {"The recipient's mailbox does not take mail", recipient,
			"Ask the recipient in another way"}},
	{".3.4", {"The message is larger than the recipient's server takes", you,
			 "Send it in parts, or share large files in another way"}},
	{".3.", {"The recipient's server has a fault", them, "Send again later"}},
	{".4.6", {"The message went round in a circle", both,
			 "The routing of the recipient's domain has to be corrected"}},
	{".4.", {"The recipient's server could not be reached or is busy", them,
			"Send again later"}},
	{".5.3", {"The recipient's server does not take so many recipients at once", us,
			 "Send to fewer recipients"}},
	{".6.", {"The recipient's server does not take content of this form", you,
			"Send the message in another form, such as plain text"}},
	{".7.", {"The recipient's server refused the message for reasons of its own rules", both,
			"The server's words below say which rule; its administrators can explain "
			"it"}},
};

#define POLICY_ROW(code, token, reply, enhanced, result, text, remedy)                             \
	{token, {text, NULL, remedy}},
static const struct row policy[] = {POLICY_OUTCOME_TABLE(POLICY_ROW)};
#undef POLICY_ROW

static const struct message_dsn_words *find_token(
	const struct row *rows, size_t count, const char *token)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(rows[i].key, token) == 0)
			return &rows[i].words;
	return NULL;
}

static struct message_dsn_words policy_words(const struct message_dsn_words *found)
{
	struct message_dsn_words words = *found;
	const struct row *row =
		(const struct row *)((const char *)found - offsetof(struct row, words));

	words.who = them;
	for (size_t i = 0; i < ARRAY_LENGTH(parties); i++)
		if (strcmp(parties[i].token, row->key) == 0)
			words.who = parties[i].who;
	return words;
}

struct message_dsn_words message_dsn_words(const char *token, const char *enhanced)
{
	static const struct message_dsn_words unknown = {
		"The recipient's server did not take the message", them,
		"The server's words, if there are any, say more"};
	const struct message_dsn_words *found = NULL;

	if (token != NULL && strcmp(token, "ok") != 0) {
		found = find_token(policy, ARRAY_LENGTH(policy), token);
		if (found != NULL)
			return policy_words(found);
		found = find_token(tokens, ARRAY_LENGTH(tokens), token);
		if (found != NULL)
			return *found;
	}
	if (enhanced == NULL || enhanced[0] == '\0')
		return unknown;
	for (size_t i = 0; i < ARRAY_LENGTH(codes); i++) {
		size_t n = strlen(codes[i].key);
		bool whole = codes[i].key[n - 1] != '.';

		if (strncmp(enhanced + 1, codes[i].key, n) == 0 &&
			(!whole || enhanced[1 + n] == '\0'))
			return codes[i].words;
	}
	return unknown;
}
