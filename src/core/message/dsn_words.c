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

/* What the delivering process, or this one, found by itself. */
static const struct row tokens[] = {
	{"dns", {"The recipient's domain could not be looked up", both,
			"Check the spelling of the address; if it is right, the DNS of the domain "
			"has to be repaired"}},
	{"connect", {"The recipient's server could not be reached", them,
			    "The server, or the way to it, has to be repaired; send again later"}},
	{"connection-lost", {"The recipient's server ended the connection, or did not answer", them,
				    "The server has to be repaired; send again later"}},
	{"not-supported", {"The recipient's server does not support what the message needs", you,
				  "Send the message in a plainer form"}},
	{"maildir", {"The message could not be written to the mailbox", us,
			    "The mail store has to be repaired"}},
	{"process-lost", {"This server failed while it was delivering the message", us,
				 "The log tells more; the server has to be repaired"}},
	{"keys", {"This server could not use its own certificate", us,
			 "Its certificate and private key have to be repaired"}},
	{"spool", {"This server could not read the message from its own disk", us,
			  "Send the message again; the server's disk has to be repaired"}},
	{"returned", {"An administrator of this server gave the message back", us,
			     "Ask them for the reason"}},
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
	{".6.7", {"The recipient's server does not take addresses beyond ASCII", you,
			 "Ask the recipient for an address in plain letters"}},
	{".6.", {"The recipient's server does not take content of this form", you,
			"Send the message in another form, such as plain text"}},
	{".7.", {"The recipient's server refused the message for reasons of its own rules", both,
			"The server's words below say which rule; its administrators can explain "
			"it"}},
};

/* Whom the person who sent the message turns to. */
static const char *const parties[] = {
	[POLICY_PARTY_PARTNER] = them,
	[POLICY_PARTY_HERE] = us,
	[POLICY_PARTY_SENDER] = you,
	[POLICY_PARTY_BOTH] = both,
};

static const struct message_dsn_words *find_token(
	const struct row *rows, size_t count, const char *token)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(rows[i].key, token) == 0)
			return &rows[i].words;
	return NULL;
}

static bool find_policy(const char *token, struct message_dsn_words *ret)
{
	for (int i = 0; i < POLICY_OUTCOME_MAX; i++) {
		const struct policy_outcome_row *row = policy_outcome_row((enum policy_outcome)i);

		if (strcmp(row->token, token) != 0)
			continue;
		*ret = (struct message_dsn_words){row->text, parties[row->who], row->remedy};
		return true;
	}
	return false;
}

static const struct message_dsn_words *find_code(const char *enhanced)
{
	if (enhanced == NULL || enhanced[0] == '\0')
		return NULL;
	for (size_t i = 0; i < ARRAY_LENGTH(codes); i++) {
		size_t n = strlen(codes[i].key);
		bool whole = codes[i].key[n - 1] != '.';

		if (strncmp(enhanced + 1, codes[i].key, n) == 0 &&
			(!whole || enhanced[1 + n] == '\0'))
			return &codes[i].words;
	}
	return NULL;
}

/* Codes about the address and the content say more than where the trouble was found. */
static bool says_more(const char *enhanced)
{
	return enhanced != NULL && enhanced[0] != '\0' &&
	       (strncmp(enhanced + 1, ".1.", 3) == 0 || strncmp(enhanced + 1, ".6.", 3) == 0);
}

struct message_dsn_words message_dsn_words(const char *token, const char *enhanced)
{
	static const struct message_dsn_words unknown = {
		"The recipient's server did not take the message", them,
		"The server's words, if there are any, say more"};
	const struct message_dsn_words *code = find_code(enhanced);
	const struct message_dsn_words *found;
	struct message_dsn_words words;

	if (token == NULL || strcmp(token, "ok") == 0)
		return code != NULL ? *code : unknown;
	if (find_policy(token, &words))
		return words;
	found = find_token(tokens, ARRAY_LENGTH(tokens), token);
	if (found != NULL && (code == NULL || !says_more(enhanced)))
		return *found;
	return code != NULL ? *code : unknown;
}
