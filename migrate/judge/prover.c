/* Signature proofs, remembered and bounded: see prover.h. */
#include "migrate/judge/prover.h"

#include "migrate/judge/revocations.h"

#include <stdlib.h>

enum {
    KEYS = 64,
    HALF = 16, /* of a SHA-256: enough to tell keys and objects apart, whoever made them */
    STANDINGS = 2,
    NOT_ASKED = 0xff,
};

/* What a check answered. */
struct answer {
    uint8_t key[HALF], object[HALF];
    bool used;
    struct proof proof;
};

struct prover {
    const struct model *model;
    struct issuers issuers;
    bool failed, exhausted;
    uint64_t checks, cost, looks;
    struct {
        struct proof_key key;
        struct bytes spki; /* borrowed of a certificate */
        bool open;
    } slot[KEYS]; /* by a hash of the key: copies and reissues of a certificate share one */
    struct answer *answer; /* hashed by both halves */
    unsigned answers, room;
    uint8_t *standing[STANDINGS]; /* of the certificates that the model has: enum proof_answer */
    unsigned standings;
    bool *revoked;
    unsigned revoked_known; /* for how many of the model's certificates */
};

static bool open_standings(struct prover *p)
{
    p->standings = p->model->certificates;
    for (unsigned i = 0; i < STANDINGS; i++) {
        p->standing[i] = malloc(p->standings + 1);
        if (p->standing[i] == NULL)
            return false;
        memset(p->standing[i], NOT_ASKED, p->standings + 1);
    }
    return true;
}

struct prover *prover_open(const struct model *model)
{
    struct prover *p = calloc(1, sizeof *p);
    if (p == NULL)
        return NULL;
    p->model = model;
    if (issuers_open(&p->issuers, model) && open_standings(p))
        return p;
    prover_close(p);
    return NULL;
}

void prover_close(struct prover *p)
{
    if (p == NULL)
        return;
    for (unsigned i = 0; i < KEYS; i++)
        if (p->slot[i].open)
            proof_key_close(&p->slot[i].key);
    for (unsigned i = 0; i < STANDINGS; i++)
        free(p->standing[i]);
    issuers_close(&p->issuers);
    free(p->answer);
    free(p->revoked);
    free(p);
}

static struct proof_key *key_of(struct prover *p, unsigned issuer)
{
    const struct model_certificate *cert = &p->model->certificate[issuer];
    unsigned i = bytes_get_le32(bytes_of(cert->key_sha256, HALF), 0) % KEYS;
    if (p->slot[i].open && !bytes_equal(p->slot[i].spki, cert->x509.spki)) {
        proof_key_close(&p->slot[i].key);
        p->slot[i].open = false;
    }
    if (!p->slot[i].open) {
        proof_key_open(&p->slot[i].key, cert->x509.spki);
        p->slot[i].open = true;
        p->slot[i].spki = cert->x509.spki;
    }
    return &p->slot[i].key;
}

struct proof prover_check_once(struct prover *p, unsigned issuer,
                               const struct x509_signed *signed_object)
{
    struct proof proof = proof_signature(key_of(p, issuer), signed_object);
    p->checks++;
    if (proof.no_memory)
        p->failed = true;
    return proof;
}

/* ---- answers ---- */

static unsigned place_of(const struct prover *p, const uint8_t key[HALF],
                         const uint8_t object[HALF])
{
    uint32_t start = 0, other = 0;
    bytes_le32(bytes_of(object, HALF), 0, &start);
    bytes_le32(bytes_of(key, HALF), 0, &other);
    unsigned place = (start ^ other) & (p->room - 1);
    while (p->answer[place].used && (memcmp(p->answer[place].object, object, HALF) != 0 ||
                                     memcmp(p->answer[place].key, key, HALF) != 0))
        place = (place + 1) & (p->room - 1);
    return place;
}

static bool make_room(struct prover *p)
{
    if (2 * p->answers < p->room)
        return true;
    struct answer *old = p->answer;
    unsigned count = p->room, room = count ? count * 2 : 256;
    struct answer *fresh = calloc(room, sizeof *fresh);
    if (fresh == NULL)
        return false;
    p->answer = fresh;
    p->room = room;
    for (unsigned i = 0; i < count; i++)
        if (old[i].used)
            p->answer[place_of(p, old[i].key, old[i].object)] = old[i];
    free(old);
    return true;
}

static struct proof no_memory(struct prover *p)
{
    p->failed = true;
    return (struct proof){
        .answer = PROOF_UNPROVABLE, .why = "out of memory for proofs", .no_memory = true};
}

struct proof prover_check(struct prover *p, unsigned issuer,
                          const struct x509_signed *signed_object)
{
    const uint8_t *key = p->model->certificate[issuer].key_sha256;
    uint8_t object[HASH_SHA256_SIZE];
    struct hash hash = p->model->hash;
    hash_sha256(&hash, signed_object->whole, object);
    if (!make_room(p))
        return no_memory(p);
    struct answer *answer = &p->answer[place_of(p, key, object)];
    if (answer->used)
        return answer->proof;
    unsigned cost = key_of(p, issuer)->cost;
    if (p->cost + cost > PROVER_CHECKS_MOST) {
        p->exhausted = true;
        return (struct proof){.answer = PROOF_UNPROVABLE,
                              .why = "too many signatures would have to be checked"};
    }
    p->cost += cost;
    p->answers++;
    answer->used = true;
    memcpy(answer->key, key, HALF);
    memcpy(answer->object, object, HALF);
    return answer->proof = prover_check_once(p, issuer, signed_object);
}

/* ---- standing ---- */

bool prover_look(struct prover *p)
{
    if (++p->looks > PROVER_LOOKS_MOST)
        p->exhausted = true;
    return !p->exhausted;
}

static enum proof_answer ask_issuers(struct prover *p, unsigned number, bool apart)
{
    const struct model_certificate *cert = &p->model->certificate[number];
    const struct issuer *first;
    unsigned count = issuers_named(&p->issuers, cert->x509.issuer, &first);
    bool asked = false, unprovable = false;
    for (const struct issuer *i = first; i < first + count; i++) {
        if (!prover_look(p))
            return PROOF_UNPROVABLE;
        if (apart && !issuers_known_apart(&p->issuers, i, number))
            continue;
        enum proof_answer answer = prover_check(p, i->certificate, &cert->x509.envelope).answer;
        if (answer == PROOF_PROVEN)
            return answer;
        unprovable = unprovable || answer == PROOF_UNPROVABLE;
        asked = true;
    }
    return asked && !unprovable ? PROOF_REFUTED : PROOF_UNPROVABLE;
}

enum proof_answer prover_standing(struct prover *p, unsigned certificate, bool apart)
{
    if (!p->model->certificate[certificate].parsed)
        return PROOF_UNPROVABLE;
    if (certificate >= p->standings)
        return ask_issuers(p, certificate, apart);
    uint8_t *known = &p->standing[apart][certificate];
    if (*known == NOT_ASKED)
        *known = (uint8_t)ask_issuers(p, certificate, apart);
    return (enum proof_answer) * known;
}

static int rank(enum proof_answer answer)
{
    return answer == PROOF_PROVEN ? 2 : answer == PROOF_UNPROVABLE ? 1 : 0;
}

bool prover_better(struct prover *p, unsigned a, unsigned b)
{
    const struct model_certificate *x = &p->model->certificate[a], *y = &p->model->certificate[b];
    if (a == b)
        return false;
    int order = rank(prover_standing(p, a, false)) - rank(prover_standing(p, b, false));
    if (order == 0)
        order = x->is_der - y->is_der;
    return order ? order > 0 : memcmp(x->sha256, y->sha256, sizeof x->sha256) < 0;
}

/* ---- revocation ---- */

static bool refutes(void *prover, unsigned issuer, const struct x509_signed *list)
{
    return prover_check(prover, issuer, list).answer == PROOF_REFUTED;
}

bool prover_is_revoked(struct prover *p, unsigned certificate)
{
    unsigned all = p->model->certificates;
    if (certificate >= p->revoked_known) {
        free(p->revoked);
        p->revoked_known = 0;
        p->revoked = calloc(all, sizeof *p->revoked);
        const struct revocations_refuter by_key = {.refutes = refutes, .context = p};
        if (p->revoked == NULL || !revocations_find(p->model, by_key, p->revoked)) {
            p->failed = true;
            return true;
        }
        p->revoked_known = all;
    }
    return p->revoked[certificate];
}

const struct issuers *prover_issuers(const struct prover *p)
{
    return &p->issuers;
}

bool prover_exhausted(const struct prover *p)
{
    return p->exhausted;
}

uint64_t prover_checks(const struct prover *p)
{
    return p->checks;
}

bool prover_failed(const struct prover *p)
{
    return p->failed;
}
