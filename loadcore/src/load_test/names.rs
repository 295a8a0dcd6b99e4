//! Names that users give: tags and variables.

/// Tags that loadcore writes itself. A test's own tag of such a name would hide what it says, and thresholds that select by
/// it would judge something else.
pub(crate) const SYSTEM_TAGS: [&str; 12] = [
    "scenario",
    "group",
    "check",
    "name",
    "url",
    "method",
    "status",
    "proto",
    "tls_version",
    "error",
    "error_code",
    "expected_response",
];

/// A name that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// The tag says something already.
    #[error("the tag `{0}` is loadcore's own; give yours another name than these: {list}", list = SYSTEM_TAGS.join(", "))]
    SystemTag(String),
    /// The tag has no name.
    #[error("a tag needs a name: write for example testid=nightly")]
    EmptyTag,
    /// The variable could not be written in a shell.
    #[error("variable name {0:?}: use letters, digits and `_`, and no digit at its begin")]
    Variable(String),
}

/// Whether a user may set this tag for all samples.
pub(crate) fn check_tag(key: &str) -> Result<(), NameError> {
    match key {
        "" => Err(NameError::EmptyTag),
        key if SYSTEM_TAGS.contains(&key) => Err(NameError::SystemTag(key.to_owned())),
        _ => Ok(()),
    }
}

/// Whether a journey may be given a variable of this name, by k6's rule.
pub(crate) fn check_env_name(key: &str) -> Result<(), NameError> {
    let fits = key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if fits && key.starts_with(|c: char| !c.is_ascii_digit()) {
        return Ok(());
    }
    Err(NameError::Variable(key.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_mean_something_already_or_nothing_are_refused() {
        assert_eq!(check_tag("team"), Ok(()));
        for key in SYSTEM_TAGS {
            let error = check_tag(key).unwrap_err().to_string();
            assert!(error.contains(&format!("`{key}`")) && error.contains("expected_response"), "{error}");
        }
        assert_eq!(check_tag(""), Err(NameError::EmptyTag));
        for (key, fits) in
            [("A", true), ("_a1", true), ("", false), ("1A", false), ("A-B", false), ("Ä", false)]
        {
            assert_eq!(check_env_name(key).is_ok(), fits, "{key}");
        }
    }
}
