// The settings of SQLite that are made by functions with a variable number of arguments, which Swift cannot call.
#pragma once

#include <sqlite3.h>

/// Lets SQLite allocate without counting: the count stands behind one lock, for which all connections wait at each allocation.
/// Must come before anything else is asked of SQLite; SQLITE_MISUSE where that was too late.
/// https://www.sqlite.org/c3ref/c_config_covering_index_scan.html#sqliteconfigmemstatus
static inline int catapult_sqlite_stop_counting_memory(void) { return sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }

/// Keeps the plan of a prepared statement whatever is bound to it. Without it a statement with `LIKE ?`, or with a comparison that a partial
/// index might meet, is compiled anew at each change of its values.
/// https://www.sqlite.org/c3ref/c_dbconfig_defensive.html#sqlitedbconfigenableqpsg
static inline int catapult_sqlite_keep_plans(sqlite3 *database) {
    return sqlite3_db_config(database, SQLITE_DBCONFIG_ENABLE_QPSG, 1, (int *)0);
}
