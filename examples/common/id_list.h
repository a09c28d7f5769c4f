/* Ids in one option: with commas between them, or, where ids hold commas, a JSON array: ["a,b", "c"]. */
#ifndef EXAMPLES_COMMON_ID_LIST_H
#define EXAMPLES_COMMON_ID_LIST_H

#include "solid/model.h"
#include "solid/status.h"

typedef struct id_list {
  solid_bytes *ids; /* borrowed from the text, or from the array in `owner` */
  size_t count;
  void *owner; /* private */
} id_list;

/* `text` NULL = no ids; it must outlive the list. EINVAL, with the name of the option: neither form, or an id that has
 * not 1 to SOLID_ID_MAX bytes. id_list_clear ends it, also after a failure. */
solid_status id_list_read(id_list *list, const char *option, const char *text);
void id_list_clear(id_list *list);

/* Leaves out what the model does not know, and names it on stderr: `program: --option: ...`. */
void id_list_keep_known(id_list *list, const solid_model *model, const char *program, const char *option);

#endif
