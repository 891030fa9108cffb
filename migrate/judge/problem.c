/* The one table of problems, and lists of findings: see problem.h. */
#include "migrate/judge/problem.h"

#include "formats/array.h"
#include "formats/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FATAL PROBLEM_FATAL
#define DOUBT PROBLEM_DOUBT
#define ADVICE PROBLEM_ADVICE

static const struct problem_kind kinds[PROBLEM_CODES] = {
    [PROBLEM_DIRTY] =
        {"KM-DIRTY", DOUBT, "R1", "Q190698",
         "the database was not shut down cleanly; its logs hold changes it does not have",
         "none: it is never written in this state; kmmigrate logs says which logs it needs, and "
         "kmmigrate recover or eseutil /r replays them; where they are lost, kmmigrate "
         "repair --salvage -o NEW writes and repairs what can be had"},
    [PROBLEM_HEADER] = {"KM-HEADER", FATAL, "R1", "Q818952",
                        "the database header is damaged; its shadow is good",
                        "the header is written anew from the shadow"},
    [PROBLEM_STRUCTURE] =
        {"KM-STRUCTURE", FATAL, "R1", "Q818952", "the database is structurally damaged",
         "none: kmmigrate repair --salvage -o NEW writes what can be had to a new store, and "
         "repairs that; or restore the file from a backup"},
    [PROBLEM_UNIQUE_KEY] = {"KM-UNIQUE-KEY", FATAL, "R1", "Q237422",
                            "two rows stand under one key of a unique index (error -1605)",
                            "the index is written anew once the rows that collide are resolved"},
    [PROBLEM_INDEX_DANGLING] = {"KM-INDEX-DANGLING", FATAL, "R1", "Q818952",
                                "an entry of an index points at a row that was removed",
                                "the entry is taken out of the index"},
    [PROBLEM_SALVAGED] =
        {"KM-SALVAGED", DOUBT, "R1", "Q818952",
         "rows that the service needs are doubtful or lost, or may be",
         "none: the salvage's .salvage.jsonl and .quarantine.jsonl say of each what became of it; "
         "hold the list, the settings and the references against a backup or an export"},
    [PROBLEM_NO_PROFILE] = {"KM-NO-PROFILE", DOUBT, NULL, NULL,
                            "no profile fits the tables of this database",
                            "none without a profile that fits it"},
    [PROBLEM_MISFIT] = {"KM-PROFILE-MISFIT", DOUBT, NULL, NULL,
                        "the store holds a value that is not as the profile says",
                        "none: where the list or what refers to it cannot be read, nothing is "
                        "written; correct the profile"},
    [PROBLEM_NO_SETTINGS] = {"KM-NO-SETTINGS", DOUBT, "R3", NULL,
                             "there are no settings, so the issuing mode is not known",
                             "none: without settings the rules for the mode are not judged"},
    [PROBLEM_LIST_MISSING] = {"KM-LIST-MISSING", FATAL, "R2", "Q190698",
                              "there is no certificate list",
                              "none: restore the list from a backup"},
    [PROBLEM_LIST_CUT] =
        {"KM-LIST-CUT", FATAL, "R2", "Q190698", "the certificate list ends before its end",
         "none: what is behind the cut cannot be known; where damage cut it, kmmigrate "
         "salvage says what else there is of it; or restore from a backup"},
    [PROBLEM_LIST_FORM] =
        {"KM-LIST-FORM", DOUBT, "R2", NULL, "the certificate list is not in a form that is known",
         "none: how the list is kept has to be said in a profile ([list-value] form)"},
    [PROBLEM_TWO_LISTS] = {"KM-TWO-LISTS", DOUBT, "R2", NULL,
                           "there is more than one certificate list",
                           "none: name the right one with --profile"},
    [PROBLEM_LIST_TAIL] = {"KM-LIST-TAIL", DOUBT, "R2", NULL,
                           "bytes stand behind the end of the certificate list",
                           "none: they are kept; whether the service reads them is not known"},
    [PROBLEM_SECOND_COPY] =
        {"KM-SECOND-COPY", DOUBT, "R2", NULL,
         "a certificate of the list stands in another place, too: that may be a list as well",
         "none: look at that place; where it is no list, say so with --not-a-list"},
    [PROBLEM_IDENTICAL] = {"KM-DUP-IDENTICAL", FATAL, "R2", "Q230780",
                           "a CA certificate is in the list more than once",
                           "one entry stays; references move to it; nothing distinct is lost"},
    [PROBLEM_RE_ENCODED] = {"KM-DUP-RE-ENCODED", FATAL, "R2", "Q230780",
                            "a CA certificate is in the list in two encodings",
                            "the one that a key proves stays, else the strict DER one; the other "
                            "goes to quarantine"},
    [PROBLEM_SAME_IDENTITY] = {"KM-DUP-IDENTITY", FATAL, "R2", "Q230780",
                               "different certificates carry one issuer and serial number",
                               "one stays where its issuer's key refutes all others; else none "
                               "until --keep ENTRY or --drop ENTRY decides"},
    [PROBLEM_TWO_ACTIVE] = {"KM-TWO-ACTIVE", FATAL, "R2", "Q184695",
                            "several certificates of one CA (same name and key) hold the same role",
                            "one keeps the role, the others become imported"},
    [PROBLEM_OWN_AND_ISSUING] = {"KM-OWN-AND-ISSUING", FATAL, "R2", NULL,
                                 "one certificate is listed as own and as issuing",
                                 "none until --keep ENTRY says which it is"},
    [PROBLEM_TRUST_DIFFERS] = {"KM-TRUST-DIFFERS", ADVICE, NULL, "Q192044",
                               "copies of one certificate disagree on whether it is trusted",
                               "trust is never widened: the one that stays is untrusted"},
    [PROBLEM_TRUST_UNDECIDED] = {"KM-TRUST-UNDECIDED", FATAL, "R2", "Q192044",
                                 "copies of an issuing or own certificate disagree on trust",
                                 "none until --trust ENTRY=yes|no decides"},
    [PROBLEM_UNPARSABLE] = {"KM-UNPARSABLE", FATAL, "R2", "Q190698",
                            "an entry of the list is not a certificate",
                            "none until --drop ENTRY takes it out; its row goes to quarantine"},
    [PROBLEM_THUMBPRINT] = {"KM-THUMBPRINT", FATAL, "R2", NULL,
                            "an entry's thumbprint is not that of its certificate",
                            "the thumbprint is computed anew"},
    [PROBLEM_ROLE_UNKNOWN] = {"KM-ROLE", DOUBT, "R2", NULL,
                              "an entry has a role that the profile does not know",
                              "none: what the entry is for cannot be known"},
    [PROBLEM_COPIES_DIFFER] =
        {"KM-COPIES-DIFFER", FATAL, "R2", NULL,
         "copies of one certificate differ, or are in different tables or values, and nothing says "
         "which stays",
         "none until --keep or --drop says which stays; what goes is put to quarantine"},
    [PROBLEM_MODE_UNKNOWN] =
        {"KM-MODE", DOUBT, "R3", "Q196397", "the issuing mode is none of V1, V1V3, V3",
         "none: an administrator has to set it, or a profile to say what the value means"},
    [PROBLEM_SETTING_TWICE] =
        {"KM-SETTING-TWICE", DOUBT, "R3", NULL, "a setting is there more than once",
         "none: which one the service reads is not known; a profile can tell it by "
         "another column"},
    [PROBLEM_SETTING_VALUE] =
        {"KM-SETTING-VALUE", DOUBT, "R3", NULL,
         "a setting's value is not of the form that is expected",
         "none: how the service reads it is not known; compare it with a backup"},
    [PROBLEM_NO_OWN] = {"KM-NO-OWN", FATAL, "R3", "Q192044",
                        "V1 certificates are issued, but no entry is the server's own CA",
                        "none: the own certificate is missing; restore the list from a backup"},
    [PROBLEM_ISSUING_MISSING] = {"KM-ISSUING-MISSING", FATAL, "R3", "Q230780",
                                 "the issuing CA that the settings name is not in the list",
                                 "none, unless --issuing-ca FILE gives its certificate"},
    [PROBLEM_ISSUING_AMBIGUOUS] = {"KM-ISSUING-AMBIGUOUS", FATAL, "R3", "Q230780",
                                   "the settings' issuing CA names more than one entry",
                                   "ends with the duplicates"},
    [PROBLEM_ISSUING_ROLE] =
        {"KM-ISSUING-ROLE", FATAL, "R3", "Q230780",
         "the issuing CA is in the list, but not as issuing: an interrupted switch",
         "the entry becomes issuing"},
    [PROBLEM_ISSUING_NOT_V3] = {"KM-ISSUING-NOT-V3", FATAL, "R3", "Q242466",
                                "the issuing CA's certificate is not X.509 V3",
                                "none: use a V3 certificate of this CA"},
    [PROBLEM_ISSUING_NOT_CA] = {"KM-ISSUING-NOT-CA", FATAL, "R3", "Q242466",
                                "the issuing CA's certificate may not sign certificates",
                                "none: use a CA certificate"},
    [PROBLEM_ISSUING_UNTRUSTED] = {"KM-ISSUING-UNTRUSTED", FATAL, "R3", "Q192044",
                                   "the issuing CA is not trusted",
                                   "none: trust is never widened; an administrator has to decide"},
    [PROBLEM_ISSUING_REVOKED] = {"KM-ISSUING-REVOKED", FATAL, "R3", "Q192044",
                                 "a stored revocation list revokes the issuing CA",
                                 "none: an administrator has to choose another CA"},
    [PROBLEM_ISSUING_CHAIN] = {"KM-ISSUING-CHAIN", FATAL, "R3", "Q242276",
                               "the issuing CA does not chain to a certificate in the list",
                               "none: import the certificate of the CA above it"},
    [PROBLEM_SETTING_NAMES_DROPPED] = {"KM-SETTING-LOSER", FATAL, "R3", "Q230780",
                                       "a setting names a certificate that does not stay",
                                       "the setting names the one that stays"},
    [PROBLEM_DANGLING] = {"KM-DANGLING", FATAL, "R4", "Q190698",
                          "a row refers to a list entry that is not there",
                          "it is repaired where exactly one trusted entry proves the signature"},
    [PROBLEM_REFERENCE_REFUTED] = {"KM-REFERENCE-REFUTED", FATAL, "R4", NULL,
                                   "a row refers to an entry whose key did not sign it",
                                   "none: which entry is meant cannot be known"},
    [PROBLEM_PROOF_LIMIT] = {"KM-PROOF-LIMIT", DOUBT, "R4", NULL,
                             "more signatures would have to be checked than one run checks",
                             "none for what stays unproved: it is left as it is"},
    [PROBLEM_RESIDUE] = {"KM-RESIDUE", FATAL, "R4", NULL,
                         "a column refers, or could refer, to an entry that has to go",
                         "none until it is said: --reference or --not-a-reference TABLE.COLUMN"},
    [PROBLEM_LOGS_BESIDE] =
        {"KM-LOGS-BESIDE", ADVICE, NULL, "Q198814", "transaction logs lie beside the store",
         "in a repaired copy they are set aside, so that they are not replayed over it"},
    [PROBLEM_UNDO_PENDING] =
        {"KM-UNDO-PENDING", DOUBT, NULL, NULL, "a repair in place was interrupted",
         "finish it with repair --in-place, or take it back with undo; where its undo file "
         "cannot be read, put the backup back"},
    [PROBLEM_INDEX_UNFINISHED] =
        {"KM-INDEX-UNFINISHED", ADVICE, "R1", NULL,
         "an entry of an index points at a row that a change did not get to make",
         "the entry is taken out of the index; eseutil /g calls the database corrupted for it"},
    [PROBLEM_ROW_GONE] =
        {"KM-ROW-GONE", ADVICE, "R1", "Q818952",
         "of a row of the list or of the settings only an entry of an index is there",
         "the entry is taken out of the index; before that hold the list and the settings "
         "against a backup or an export, as what the page says of the row may not be what was "
         "written last"},
    [PROBLEM_REISSUE] =
        {"KM-REISSUE", ADVICE, NULL, "Q184695",
         "one CA has several certificates (same name and key, other serial numbers)",
         "all stay; with --superseded=drop, those that nothing pins go to quarantine"},
    [PROBLEM_PROPERTY_DIFFERS] =
        {"KM-PROPERTY-DIFFERS", ADVICE, NULL, NULL,
         "copies of one certificate have a store property with different values",
         "the copy that stays keeps its own value; the other is named here"},
    [PROBLEM_TWO_CRLS] = {"KM-TWO-CRLS", ADVICE, NULL, NULL,
                          "several revocation lists of one issuer are stored", "all stay"},
    [PROBLEM_ORGANIZATION] = {"KM-ORGANIZATION", ADVICE, NULL, "Q218802",
                              "the organization name has special characters (event 5017, c1031d9f)",
                              "none: see the article"},
    [PROBLEM_SHORT_LIVED] = {"KM-SHORT-LIVED", ADVICE, NULL, "Q242276",
                             "the issuing CA is valid for less than two years (c1031daf)",
                             "none: renew the CA's certificate"},
    [PROBLEM_LONG_NAME] = {"KM-LONG-NAME", ADVICE, NULL, "Q247814",
                           "user names are longer than 64 characters (event 5005)",
                           "none: see the article"},
    [PROBLEM_EXPIRED] = {"KM-EXPIRED", ADVICE, NULL, NULL, "CA certificates have expired",
                         "none: they stay, to verify what they signed"},
    [PROBLEM_WEAK] = {"KM-WEAK", ADVICE, NULL, NULL,
                      "CA certificates are signed with MD2 or MD5, or have short keys", "none"},
    [PROBLEM_UNPROVABLE] = {"KM-UNPROVABLE", ADVICE, NULL, NULL, "a signature could not be checked",
                            "none: unprovable is never refuted"},
    [PROBLEM_ENCODINGS] = {"KM-ENCODINGS", ADVICE, NULL, "Q184695",
                           "one name is encoded in several ways (Unicode, teletex)",
                           "none: such names are not equal, and are never merged"},
    [PROBLEM_V1_IN_V3] = {"KM-V1-IN-V3", ADVICE, NULL, "Q231307",
                          "V1 certificates were issued while only V3 was to be", "none"},
    [PROBLEM_NO_USER] = {"KM-NO-USER", ADVICE, NULL, NULL,
                         "certificates belong to users that do not exist", "none: they stay"},
    [PROBLEM_SEVERAL_ISSUING] = {"KM-SEVERAL-ISSUING", ADVICE, NULL, NULL,
                                 "more than one CA is listed as issuing",
                                 "none; a switch leaves one (kmmigrate migrate)"},
};

const struct problem_kind *problem_kind(enum problem_code code)
{
    return &kinds[code];
}

static struct problem *room_for_one(struct problems *problems)
{
    return array_next(&problems->item, problems->count, &problems->room, sizeof *problems->item);
}

struct problem *problem_add(struct problems *problems, enum problem_code code, int64_t entry,
                            int64_t other, const char *format, ...)
{
    struct problem *problem = room_for_one(problems);
    char *kept = NULL;
    va_list args;
    va_start(args, format);
    if (problem == NULL || vasprintf(&kept, format, args) < 0)
        kept = NULL;
    va_end(args);
    if (kept == NULL) {
        problems->no_memory = true;
        memory_note_short();
        return NULL;
    }
    *problem =
        (struct problem){.code = code, .entry = {entry, other}, .count = 1, .evidence = kept};
    problems->count++;
    return problem;
}

void problem_name(struct problems *problems, struct problem *p, int32_t key)
{
    if (p == NULL)
        return;
    if (array_reserve(&p->named, &p->name_room, p->names + 1, sizeof *p->named))
        p->named[p->names++] = key;
    else
        problems->no_memory = true;
}

bool problem_has(const struct problems *problems, enum problem_code code)
{
    for (size_t i = 0; i < problems->count; i++)
        if (problems->item[i].code == code)
            return true;
    return false;
}

void problems_move(struct problems *to, struct problems *from)
{
    to->no_memory = to->no_memory || from->no_memory;
    for (size_t i = 0; i < from->count; i++) {
        struct problem *room = room_for_one(to);
        if (room == NULL) {
            to->no_memory = true;
            memory_note_short();
            break;
        }
        *room = from->item[i];
        to->count++;
        from->item[i] = (struct problem){.evidence = NULL};
    }
    problems_close(from);
}

void problems_close(struct problems *problems)
{
    for (size_t i = 0; i < problems->count; i++) {
        free(problems->item[i].evidence);
        free(problems->item[i].named);
        free(problems->item[i].fact);
    }
    free(problems->item);
    *problems = (struct problems){.item = NULL};
}
