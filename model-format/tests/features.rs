//! The feature catalogue: values against an independent reference, names, refusals.

use model_format::signal::features::CATALOGUE;

#[test]
fn the_catalogue_has_46_distinct_documented_features() {
    let mut names: Vec<&str> = CATALOGUE.iter().map(|feature| feature.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 46);
    for feature in CATALOGUE {
        assert!(!feature.doc.is_empty() && !feature.source.is_empty(), "{}", feature.name);
        assert!(feature.doc.ends_with('.'), "{}: {}", feature.name, feature.doc);
    }
}
