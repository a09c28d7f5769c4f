/* Lines without names of columns or marks of their own: pairs, rows, or a table that lacks its header. */
#ifndef INGEST_DATA_PLAIN_H
#define INGEST_DATA_PLAIN_H

#include "ingest/data/file.h"

/* What separates the fields of a line, by its looks: tabs, ::, commas, semicolons, upright bars, else blanks. */
sol_separator sol_plain_separator(const char *line);

/* Sets the format by the sample, whose first line is the current one. EFORMAT: it looks like a table. */
solid_status sol_judge_plain(solid_data_file *file, sol_lines *sample);

#endif
