//! The migrations, included in the program. sqlx's macro for it would build `SQLite` twice.

use std::sync::LazyLock;

use sqlx::SqlStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// Version, description and content of each file in `migrations/`.
const FILES: [(i64, &str, &str); 8] = [
    (1, "log", include_str!("../../../migrations/0001_log.sql")),
    (2, "tallies", include_str!("../../../migrations/0002_tallies.sql")),
    (3, "views", include_str!("../../../migrations/0003_views.sql")),
    (4, "evals", include_str!("../../../migrations/0004_evals.sql")),
    (5, "one_evaluator", include_str!("../../../migrations/0005_one_evaluator.sql")),
    (6, "inputs", include_str!("../../../migrations/0006_inputs.sql")),
    (7, "rewards", include_str!("../../../migrations/0007_rewards.sql")),
    (8, "processes", include_str!("../../../migrations/0008_processes.sql")),
];

/// All migrations.
pub static MIGRATIONS: LazyLock<Migrator> = LazyLock::new(|| {
    let migrations = FILES.map(|(version, description, sql)| {
        let (kind, sql) = (MigrationType::Simple, SqlStr::from_static(sql));
        Migration::new(version, description.into(), kind, sql, false)
    });
    Migrator::with_migrations(migrations.into())
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_a_migration() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations");
        let files = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<String> =
            files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort_unstable();
        assert_eq!(names, FILES.map(|(version, name, _)| format!("{version:04}_{name}.sql")));
    }
}
