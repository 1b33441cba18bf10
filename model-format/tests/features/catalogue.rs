//! What the catalogue holds, and what is said about names that it does not hold.

use std::collections::HashSet;

use model_format::signal::features::{
    CATALOGUE, Family, Feature, FeatureError, FeaturePlan, LOOKING_BACK, find, look_back,
    window_features_function,
};

use super::{name_of, pipeline};

fn error(features: &[&str]) -> FeatureError {
    let features = features.iter().map(|name| (*name).to_owned()).collect();
    let pipeline = pipeline(2, 128, Some(100.0), features);
    let from_plan = FeaturePlan::new(&pipeline).map(|_| ()).unwrap_err();
    assert_eq!(window_features_function(&pipeline).unwrap_err(), from_plan);
    from_plan
}

#[test]
fn the_features_of_the_catalogue_are_distinct_and_documented() {
    let names: HashSet<&str> = CATALOGUE.iter().map(|feature| feature.name).collect();
    assert_eq!((names.len(), CATALOGUE.len()), (91, 91));
    let sentences: HashSet<&str> = CATALOGUE.iter().map(|feature| feature.doc).collect();
    assert_eq!(sentences.len(), 91);
    // A model that was trained on all features is trained on the same ones today.
    let in_all = CATALOGUE.iter().filter(|feature| feature.family.is_in_all());
    assert_eq!(in_all.count(), 62);
    for Feature { name, doc, source, version, .. } in CATALOGUE.iter().chain(LOOKING_BACK) {
        assert!(!name.contains('.'), "{name}: the last dot divides channel and feature");
        assert!(doc.ends_with('.') && source.len() > 5 && *version >= 1, "{name}");
        assert!(!doc.contains("  ") && !source.contains("  "), "{name}");
    }
}

#[test]
fn every_feature_is_listed_where_its_family_is() {
    let mut families: Vec<_> = CATALOGUE.iter().map(|feature| feature.family).collect();
    families.dedup();
    assert_eq!(families, Family::ALL);
}

#[test]
fn a_number_of_samples_has_one_spelling_and_a_bound() {
    for (name, steps) in [("lag_0", 0), ("lag_3", 3), ("lag_65535", 65_535), ("difference_1", 1)] {
        let (feature, found) = look_back(name).unwrap();
        assert_eq!((found, find(name).map(|known| known.name)), (steps, Some(feature.name)));
    }
    for name in [
        "lag_",
        "lag_03",
        "lag_+3",
        "lag_-1",
        "lag_65536",
        "lag_9999999999",
        "lag",
        "lag_K",
        "difference_0",
        "rms_2",
    ] {
        assert!(find(name).is_none(), "{name}");
    }
    let text = error(&["a.difference_0"]).to_string();
    assert!(text.contains("difference_ and a number of samples, 1 to 65535"), "{text}");
    let text = error(&["a.lag_x"]).to_string();
    assert!(text.contains("0 to 65535, such as lag_1"), "{text}");
}

#[test]
fn a_feature_that_looks_back_needs_the_samples_that_it_looks_at() {
    for (name, needed_samples) in [("a.lag_0", 1), ("a.lag_4", 5), ("a.difference_4", 5)] {
        let plan = |length| FeaturePlan::new(&pipeline(1, length, None, vec![name.to_owned()]));
        assert!(plan(needed_samples).is_ok());
        if needed_samples > 1 {
            let refused = plan(needed_samples - 1).map(|_| ()).unwrap_err().to_string();
            assert!(refused.contains(&format!("at least {needed_samples} samples")), "{refused}");
        }
    }
}

#[test]
fn a_misspelt_feature_is_refused_with_the_nearest_name() {
    let text = error(&["a.kurtosys"]).to_string();
    assert!(text.contains("\"kurtosys\"") && text.contains("\"kurtosis\""), "{text}");
}

#[test]
fn an_unknown_channel_is_refused_with_the_channels() {
    let text = error(&["signal.rms"]).to_string();
    assert!(text.contains("\"signal\"") && text.contains("it has a, b"), "{text}");
}

#[test]
fn a_name_without_channel_is_refused_with_an_example() {
    let text = error(&["rms"]).to_string();
    assert!(text.contains("\"a.rms\""), "{text}");
}

#[test]
fn every_retired_name_is_refused_with_what_replaces_it() {
    let retired = [
        ("variance", "std"),
        ("sum", "mean"),
        ("abs_energy", "rms"),
        ("root_mean_square", "rms"),
        ("range", "peak_to_peak"),
        ("abs_sum_of_changes", "mean_abs_change"),
        ("count_below_mean", "count_above_mean"),
        ("percentage_of_reoccurring_values", "binned_entropy"),
        ("sum_of_reoccurring_values", "binned_entropy"),
    ];
    for (name, instead) in retired {
        assert!(find(name).is_none() && find(instead).is_some());
        let text = error(&[&format!("a.{name}")]).to_string();
        assert!(text.contains(&format!("use {instead}")), "{text}");
    }
}

#[test]
fn a_pipeline_without_features_has_no_plan() {
    let refused = FeaturePlan::new(&pipeline(1, 128, None, Vec::new())).map(|_| ()).unwrap_err();
    assert!(refused.to_string().contains("name 1 to 4096 features"), "{refused}");
}

#[test]
fn a_feature_listed_twice_is_refused() {
    assert!(matches!(error(&["a.rms", "b.rms", "a.rms"]), FeatureError::Pipeline(_)));
}

#[test]
fn a_spectral_feature_without_a_rate_is_refused() {
    let features = vec!["a.mean".to_owned(), "a.spectral_centroid".to_owned()];
    let refused = FeaturePlan::new(&pipeline(1, 128, None, features)).map(|_| ()).unwrap_err();
    assert_eq!(refused, FeatureError::NoRate { name: "a.spectral_centroid".to_owned() });
}

#[test]
fn a_window_shorter_than_a_feature_needs_is_refused() {
    for feature in CATALOGUE {
        let shortest = feature.window_min_samples as usize;
        let names = vec![name_of(feature, 'a', 'b')];
        assert!(FeaturePlan::new(&pipeline(2, shortest, Some(1.0), names.clone())).is_ok());
        if shortest > 1 {
            let refused = FeaturePlan::new(&pipeline(2, shortest - 1, Some(1.0), names));
            let refused = refused.map(|_| ()).unwrap_err();
            assert!(matches!(refused, FeatureError::WindowTooShort { .. }), "{refused}");
        }
    }
}

#[test]
fn a_family_that_is_not_used_is_not_in_the_body() {
    let operators = |feature: &str| -> HashSet<String> {
        let name = name_of(find(feature).unwrap(), 'a', 'b');
        let pipeline = pipeline(2, 64, Some(100.0), vec![name]);
        let body = window_features_function(&pipeline).unwrap().node;
        body.into_iter().map(|node| node.op_type).collect()
    };
    assert!(operators("spectral_entropy").contains("DFT"));
    assert!(operators("median").contains("TopK"));
    for feature in CATALOGUE {
        let used = operators(feature.name);
        assert_eq!(used.contains("DFT"), feature.needs.rate(), "{}", feature.name);
    }
    assert!(!operators("rms").contains("TopK"));
}

#[test]
fn what_features_share_is_in_the_body_once() {
    let features = CATALOGUE.iter().map(|feature| name_of(feature, 'b', 'a')).collect();
    let body = window_features_function(&pipeline(2, 64, Some(100.0), features)).unwrap().node;
    let count = |op_type: &str| body.iter().filter(|node| node.op_type == op_type).count();
    // The spectrum, the cepstrum; of the envelope there, back, and its spectrum.
    assert_eq!(count("DFT"), 5);
    assert_eq!(count("CumSum"), 1);
    // The samples, their distances from the median, the places of those not above the mean.
    assert_eq!(count("TopK"), 3);
    let names: HashSet<&String> = body.iter().flat_map(|node| &node.output).collect();
    assert_eq!(names.len(), body.iter().map(|node| node.output.len()).sum::<usize>());
}
