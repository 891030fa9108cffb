/* Who may read a new file: see access.h. */
#include "formats/access.h"

#include <acl/libacl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/acl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { RIGHTS = 7, PRIVATE = 0600 };

static const char default_list[] = "system.posix_acl_default";

static bool failed(struct fault *f, const char *what)
{
    return fault_set(f, errno == ENOMEM ? FAULT_NO_MEMORY : FAULT_IO,
                     "the new file's %s cannot be set: %s", what, strerror(errno));
}

/* A file system that knows no such lists. */
static bool is_unsupported(int error)
{
    return error == EOPNOTSUPP || error == ENOTSUP || error == ENOSYS;
}

/* ---- entries of a list ---- */

static mode_t rights_of(acl_entry_t entry)
{
    acl_permset_t set;
    if (acl_get_permset(entry, &set) != 0)
        return 0;
    return (mode_t)((acl_get_perm(set, ACL_READ) == 1 ? 4 : 0) |
                    (acl_get_perm(set, ACL_WRITE) == 1 ? 2 : 0) |
                    (acl_get_perm(set, ACL_EXECUTE) == 1 ? 1 : 0));
}

static bool restrict_to(acl_entry_t entry, mode_t rights)
{
    acl_permset_t set;
    rights &= rights_of(entry);
    return acl_get_permset(entry, &set) == 0 && acl_clear_perms(set) == 0 &&
           (!(rights & 4) || acl_add_perm(set, ACL_READ) == 0) &&
           (!(rights & 2) || acl_add_perm(set, ACL_WRITE) == 0) &&
           (!(rights & 1) || acl_add_perm(set, ACL_EXECUTE) == 0);
}

/* What a list says, in short: rights of the three classes, and what every named user and group has.
 */
struct summary {
    mode_t owner, group, other, mask, named;
    bool has_named;
};

static struct summary summary_of(acl_t list)
{
    struct summary s = {.mask = RIGHTS, .named = RIGHTS};
    acl_entry_t entry;
    for (int which = ACL_FIRST_ENTRY; acl_get_entry(list, which, &entry) == 1;
         which = ACL_NEXT_ENTRY) {
        acl_tag_t tag = ACL_UNDEFINED_TAG;
        acl_get_tag_type(entry, &tag);
        if (tag == ACL_USER_OBJ)
            s.owner = rights_of(entry);
        else if (tag == ACL_GROUP_OBJ)
            s.group = rights_of(entry);
        else if (tag == ACL_OTHER)
            s.other = rights_of(entry);
        else if (tag == ACL_MASK)
            s.mask = rights_of(entry);
        else {
            s.named &= rights_of(entry);
            s.has_named = true;
        }
    }
    s.group &= s.mask;
    s.named &= s.mask;
    return s;
}

/* Bits that give nobody more than the list: somebody whom it names may be in any class. */
static mode_t bits_of(acl_t list)
{
    struct summary s = summary_of(list);
    if (s.has_named) {
        s.group &= s.named;
        s.other &= s.named;
    }
    return (mode_t)(s.owner << 6 | s.group << 3 | s.other);
}

/* Nobody but those with this tag gets more than `rights`; they get `own`. */
static bool restrict_others(acl_t list, acl_tag_t tag, mode_t own, mode_t rights)
{
    acl_entry_t entry;
    bool ok = true;
    for (int which = ACL_FIRST_ENTRY; acl_get_entry(list, which, &entry) == 1;
         which = ACL_NEXT_ENTRY) {
        acl_tag_t found = ACL_UNDEFINED_TAG;
        acl_get_tag_type(entry, &found);
        ok = ok && (found == ACL_MASK || restrict_to(entry, found == tag ? own : rights));
    }
    return ok;
}

/* The new file has another owner: the old one, who is in any other class now, gets no more than he
 * had. */
static bool forget_owner(acl_t list)
{
    return restrict_others(list, ACL_USER_OBJ, RIGHTS, summary_of(list).owner);
}

/* The new file has another group: what the old one had is not that one's, and its members, who are
 * others now, get no more than they had. */
static bool forget_group(acl_t list)
{
    mode_t group = summary_of(list).group;
    acl_entry_t entry;
    bool ok = true;
    for (int which = ACL_FIRST_ENTRY; acl_get_entry(list, which, &entry) == 1;
         which = ACL_NEXT_ENTRY) {
        acl_tag_t tag = ACL_UNDEFINED_TAG;
        acl_get_tag_type(entry, &tag);
        if (tag == ACL_GROUP_OBJ)
            ok = ok && restrict_to(entry, 0);
        if (tag == ACL_OTHER)
            ok = ok && restrict_to(entry, group);
    }
    return ok;
}

/* ---- setting them ---- */

static bool set_owner(const struct stat *like, int to, bool *same_owner, bool *same_group,
                      struct fault *f)
{
    struct stat st;
    if (fchown(to, like->st_uid, like->st_gid) != 0 && fchown(to, (uid_t)-1, like->st_gid) != 0 &&
        errno != EPERM && errno != EINVAL)
        return failed(f, "owner");
    if (fstat(to, &st) != 0)
        return failed(f, "owner");
    *same_owner = st.st_uid == like->st_uid;
    *same_group = st.st_gid == like->st_gid;
    return true;
}

static bool set_list(acl_t list, int to, bool *narrower, struct fault *f)
{
    if (acl_set_fd(to, list) == 0)
        return true;
    if (!is_unsupported(errno) && errno != EINVAL)
        return failed(f, "permissions");
    *narrower |= acl_equiv_mode(list, NULL) != 0;
    return fchmod(to, bits_of(list)) == 0 || failed(f, "permissions");
}

static bool set_private(int to, struct fault *f)
{
    bool ignored = false;
    acl_t list = acl_from_mode(PRIVATE);
    if (list == NULL)
        return failed(f, "permissions");
    bool ok = set_list(list, to, &ignored, f);
    acl_free(list);
    return ok;
}

bool access_as(int from, int to, bool *narrower, struct fault *f)
{
    struct stat like;
    bool same_owner = true, same_group = true;
    if (from < 0)
        return set_private(to, f);
    if (fstat(from, &like) != 0)
        return failed(f, "owner");
    if (!set_owner(&like, to, &same_owner, &same_group, f))
        return false;
    *narrower |= !same_owner || !same_group;
    acl_t list = acl_get_fd(from);
    if (list == NULL && is_unsupported(errno))
        list = acl_from_mode(like.st_mode);
    if (list == NULL)
        return failed(f, "permissions");
    bool ok = ((same_owner || forget_owner(list)) && (same_group || forget_group(list))) ||
              failed(f, "permissions");
    ok = ok && set_list(list, to, narrower, f);
    acl_free(list);
    return ok;
}

/* The bytes of the attribute are the kernel's own, and mean the same on both. */
static bool set_default_list(int from, int to, bool *narrower, struct fault *f)
{
    ssize_t size = fgetxattr(from, default_list, NULL, 0);
    if (size <= 0)
        return fremovexattr(to, default_list) == 0 || errno == ENODATA || is_unsupported(errno) ||
               failed(f, "default permissions");
    char *list = malloc((size_t)size);
    bool ok = list != NULL && fgetxattr(from, default_list, list, (size_t)size) == size;
    if (!ok)
        failed(f, "default permissions");
    if (ok && fsetxattr(to, default_list, list, (size_t)size, 0) != 0) {
        ok = is_unsupported(errno) || failed(f, "default permissions");
        *narrower = true;
    }
    free(list);
    return ok;
}

bool access_directory_as(int from, int to, bool *narrower, struct fault *f)
{
    return set_default_list(from, to, narrower, f) && access_as(from, to, narrower, f);
}
