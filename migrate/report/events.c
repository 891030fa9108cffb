/* The table of events and errors: see events.h. */
#include "migrate/report/events.h"

const struct event events[] = {
    /* ---- the KM service ---- */
    {EVENT_KM, 5002, CAUSE_OUTSIDE, false, "Q201057", "enabling security for a mailbox failed",
     "Bulk enrolment was asked for users who are enrolled already: it is for setting up for the "
     "first time only.",
     "Recover the user's key on the Security tab of the mailbox instead."},
    {EVENT_KM, 5005, CAUSE_NAMES, false, "Q247814 Q276339",
     "enabling or recovering a mailbox failed",
     "Certificate Server 1.0 takes no subject whose parts of one kind have over 64 characters "
     "together, and a mailbox's distinguished name becomes the subject.",
     "Shorten the names, or use the Certificate Server of Windows 2000; kmmigrate check says how "
     "many names are too long (KM-LONG-NAME)."},
    {EVENT_KM, 5006, CAUSE_OUTSIDE, false, "Q231751",
     "renewing certificates failed, after Service Pack 2",
     "The client has signing key 1 and the server key 2, a case that Kmserver.exe before "
     "5.5.2602.0 "
     "does not handle.",
     "Install Service Pack 3, then recover the accounts concerned."},
    {EVENT_KM, 5015, CAUSE_OUTSIDE, true, "Q274321", "failed logging on as a MAPI client",
     "The service account is no administrator of the machine any more, as happens when its domain "
     "controller is upgraded to Windows 2000. With it come 5389 and event 101 of ESE97.",
     "Make the service account a member of the local Administrators (on a domain controller, "
     "Domain "
     "Admins) again."},
    {EVENT_KM, 5017, CAUSE_SETTINGS, false, "Q218802", "setting the Certificate Server failed",
     "With error c1031d9f: the organization's name has a comma, an underscore or another special "
     "character.",
     "Install the fix that the article names; kmmigrate check says whether the name is concerned "
     "(KM-ORGANIZATION)."},
    {EVENT_KM, 5057, CAUSE_OUTSIDE, true, "Q190699 Q184420",
     "the supplied start-up password is invalid",
     "The start-up password is wrong (case counts), none was given to a service that is started by "
     "hand (error 2140), or the diskette that holds it cannot be read.",
     "Give the original password, or use one of the copies of the diskette; in Kmspwd.ini it is "
     "the "
     "line pwd= (Q151689)."},
    {EVENT_KM, 5058, CAUSE_STORE, true, "Q190698", "the service trapped an exception",
     "Kmsdata is damaged, or files are missing from it.",
     "Check the store: kmmigrate check Kmsdata. What cannot be repaired has to come from an "
     "offline "
     "backup."},
    {EVENT_KM, 5060, CAUSE_OUTSIDE, true, "Q176737",
     "could not verify the signature of the crypto service provider",
     "An older Excacsp.dll lies in Exchsrvr\\bin; 5.5.1928.0 is right.",
     "Rename it, and copy the one from the Exchange Server compact disk there."},
    {EVENT_KM, 5072, CAUSE_OUTSIDE, false, "Q242466 Q184695",
     "the Certificate Server is older than KM Server needs",
     "With ID c1031dad: KM Server issues V3 certificates only with an updated Certificate Server.",
     "Install the Certificate Server Update. Where Certificate Server is reinstalled for it with "
     "\"Use Existing Keys\" (Q186807), its CA gets a second certificate (KM-REISSUE)."},
    {EVENT_KM, 5085, CAUSE_STORE, true, "Q818952", "cannot mount the key database",
     "The database is missing or damaged.",
     "Check the store: kmmigrate check Kmsdata, and check --structure. eseutil /d, and kmmigrate "
     "compact, rebuild a database that is whole."},
    {EVENT_KM, 5257, CAUSE_OUTSIDE, false, "Q321164",
     "processing a request of an administrator failed",
     "The administrator's password is wrong; the first one after the installation is \"password\".",
     "Use that one, and change it."},
    {EVENT_KM, 5258, CAUSE_OUTSIDE, false, "Q321164", "an administrator could not get details",
     "The administrator's password is wrong; the first one after the installation is \"password\".",
     "Use that one, and change it."},
    {EVENT_KM, 5389, CAUSE_OUTSIDE, true, "Q259906 Q274321", "the service is exiting with 0",
     "Alone, after KM Server was moved to another machine: the store comes from a later service "
     "pack "
     "than the one that is installed. With 5015 and event 101 of ESE97: see 5015.",
     "Install the same service pack as on the machine that the store comes from."},
    /* ---- the database engine ---- */
    {EVENT_ENGINE, 101, CAUSE_OUTSIDE, false, "Q274321", "ESE97: the database engine stopped",
     "It tells that the engine ended, not why. With 5389 and 5015: see 5015.",
     "Look for the event before it."},
    /* ---- message boxes ---- */
    {EVENT_ID, 0xc1031d9c, CAUSE_OUTSIDE, false, "Q201057",
     "the user is in the wrong state for this operation",
     "Bulk enrolment was asked for users who are enrolled already (event 5002).",
     "Recover the user's key on the Security tab of the mailbox instead."},
    {EVENT_ID, 0xc1031d9f, CAUSE_SETTINGS, false, "Q218802", "the KMS database had an error",
     "The organization's name has a comma, an underscore or another special character (event "
     "5017).",
     "Install the fix that the article names; kmmigrate check says whether the name is concerned "
     "(KM-ORGANIZATION)."},
    {EVENT_ID, 0xc1031dad, CAUSE_OUTSIDE, false, "Q242466",
     "unable to operate with this version of Certificate Server",
     "The Certificate Server is older than KM Server needs for V3 certificates (event 5072).",
     "Install the Certificate Server Update."},
    {EVENT_ID, 0xc1031daf, CAUSE_ISSUING_CA, false, "Q242276",
     "the hierarchy of the Certificate Servers is invalid",
     "A subordinate CA is to be used that cannot issue certificates valid for two years.",
     "Let the CA above it issue it a longer certificate; kmmigrate check says how long the issuing "
     "CA "
     "is valid (KM-SHORT-LIVED)."},
    /* ---- errors ---- */
    {EVENT_ERROR, 2140, CAUSE_OUTSIDE, true, "Q184420", "could not start the service: error 2140",
     "No start-up password was given to a service that is started by hand; event 5057 comes with "
     "it.",
     "Give the password as the start-up parameter of the service."},
    {EVENT_ERROR, -550, CAUSE_STORE, true, "Q237767 Q296787",
     "the database was not shut down cleanly",
     "The database is inconsistent: its transaction logs hold changes that it does not have. "
     "(JET_errDatabaseInconsistent in ESE97's words.)",
     "Replay its logs where the engine is (eseutil /r), never a set that does not belong to it; "
     "kmmigrate check says which logs it needs (KM-DIRTY)."},
    {EVENT_ERROR, -1018, CAUSE_STORE, true, "Q151789", "a page's checksum is wrong",
     "What was read is not what the engine wrote: nearly always the disk, its controller or "
     "driver.",
     "Copy the file again and compare; see the disk's health; kmmigrate check --structure names "
     "all "
     "pages concerned. Restore what stays damaged from a backup."},
    {EVENT_ERROR, -1019, CAUSE_STORE, true, "Q184209", "a page that is needed is blank",
     "A page that a tree of the database leads to was never written, or was lost.",
     "Do not repair with eseutil /p: more pages may be blank. Restore the database from a backup, "
     "and "
     "find the cause; kmmigrate check --structure names the pages."},
    {EVENT_ERROR, -1206, CAUSE_STORE, true, "Q233295", "the database cannot be read",
     "The engine cannot get at what it needs to start the database: it is damaged, of another "
     "version "
     "than the engine, or another process holds it open.",
     "Look for events before it, and for what holds the file; kmmigrate check --structure tells "
     "damage "
     "from the rest."},
    {EVENT_ERROR, -1605, CAUSE_STORE, true, "Q237422 Q166524", "a duplicate key in a unique index",
     "Two rows have one key of an index that allows it once; eseutil /d and /p stop there.",
     "kmmigrate check shows the rows (KM-UNIQUE-KEY), and kmmigrate repair resolves those of the "
     "certificate list."},
};

const size_t events_count = sizeof events / sizeof events[0];

const char *event_cause_name(enum event_cause cause)
{
    static const char *const names[] = {
        [CAUSE_STORE] = "yes",
        [CAUSE_SETTINGS] = "its settings can be",
        [CAUSE_ISSUING_CA] = "its issuing CA can be",
        [CAUSE_NAMES] = "the names in it can be",
        [CAUSE_OUTSIDE] = "no",
    };
    return names[cause];
}
