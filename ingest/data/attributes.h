/* A file of attributes while it is read, and the roles of its columns. */
#ifndef INGEST_DATA_ATTRIBUTES_H
#define INGEST_DATA_ATTRIBUTES_H

#include "ingest/data/file.h"

/* A column that says something about items. */
typedef struct sol_attribute_column {
  size_t at;
  char prefix[SOLID_ID_MAX + 2]; /* "year=", or "" */
  char mark;                     /* between several values; 0 = a single value */
} sol_attribute_column;

typedef struct sol_attribute_reader {
  solid_attributes_options options;
  sol_lines lines;
  sol_fields fields;
  sol_separator separator;
  size_t columns, item;
  sol_attribute_column *column;
  size_t count;
  sol_list attributes;
  solid_attributes_sink sink;
  void *context;
} sol_attribute_reader;

/* Finds separator and columns from the first line, which is taken from the lines when it is a header. *is_json = 1: the
 * file is JSON, not a table. EFORMAT. */
solid_status sol_attribute_columns(sol_attribute_reader *r, int *is_json);

#endif
