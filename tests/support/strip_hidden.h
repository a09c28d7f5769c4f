/* A model that was trained without some items, as its file would be if these had never been in the data. */
#ifndef TESTS_SUPPORT_STRIP_HIDDEN_H
#define TESTS_SUPPORT_STRIP_HIDDEN_H

#include "solid/model/model_file.h"
#include "solid/train/hidden.h"

/* Takes the hidden items out of the file, which is sealed anew. ENOMEM: it is as it was. */
solid_status strip_hidden(sol_model_file *file, const solid_hidden *hidden);

#endif
