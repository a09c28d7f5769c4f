/* The config as one line of JSON: the form in which it is stored and hashed. */
#ifndef SOLID_MODEL_CONFIG_JSON_H
#define SOLID_MODEL_CONFIG_JSON_H

#include "solid/model/config.h"

#define SOL_CONFIG_TEXT 1024 /* room for the longest, with its end */

/* The same config gives the same text. */
solid_status sol_config_write(const sol_config *config, char *text);

/* Reads and checks. EFORMAT: the text is not of this form; EINVAL, ERANGE: as sol_config_check. */
solid_status sol_config_read(sol_config *config, const char *text);

#endif
