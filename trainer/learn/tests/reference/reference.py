"""Reference values for the tests of the crate `learn`, from scikit-learn and NumPy.

Writes reference.json beside this file: `python3 trainer/learn/tests/reference/reference.py`.
"""

import json
import warnings
from pathlib import Path

import numpy as np
from sklearn import metrics
from sklearn.decomposition import PCA
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

warnings.filterwarnings("ignore")


def plain(value):
    """JSON without NumPy's types; 32-bit floats keep the digits that name them exactly."""
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return value.item()
    return value


def classification(truth, probabilities):
    probabilities = np.asarray(probabilities, np.float32)
    truth = np.asarray(truth)
    labels = list(range(probabilities.shape[1]))
    named = probabilities.argmax(axis=1)
    average = lambda kind: metrics.precision_recall_fscore_support(
        truth, named, average=kind, zero_division=0)[:3]
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        truth, named, labels=labels, average=None, zero_division=0)
    return {
        "truth": truth, "probabilities": probabilities,
        "accuracy": metrics.accuracy_score(truth, named),
        "balanced_accuracy": metrics.balanced_accuracy_score(truth, named),
        "macro": average("macro"), "weighted": average("weighted"),
        "precision": precision, "recall": recall, "f1": f1, "support": support,
        "confusion": metrics.confusion_matrix(truth, named, labels=labels),
        "log_loss": metrics.log_loss(truth, probabilities, labels=labels),
        "matthews": metrics.matthews_corrcoef(truth, named),
        "brier": metrics.brier_score_loss(truth, probabilities, labels=labels),
    }


def classification_cases(rng):
    noisy = rng.dirichlet(np.ones(5) * 0.7, 120)
    truth = np.where(rng.random(120) < 0.6, noisy.argmax(axis=1), rng.integers(0, 5, 120))
    absent = rng.dirichlet(np.ones(4), 30)
    absent[:, 3] = 0
    absent /= absent.sum(axis=1, keepdims=True)
    return {
        "five noisy classes": classification(truth, noisy),
        "one class neither true nor named": classification(rng.integers(0, 3, 30), absent),
        "one class named but never true": classification(rng.integers(0, 2, 30), absent),
        "one class true but never named": classification(
            np.r_[rng.integers(0, 3, 28), 3, 3], absent),
        "two classes, ties and certain errors": classification(
            [0, 1, 1, 0, 1], [[0.5, 0.5], [1, 0], [0, 1], [0.25, 0.75], [0.5, 0.5]]),
        "one row": classification([1], [[0.25, 0.75]]),
    }


def regression(truth, predicted):
    truth, predicted = np.asarray(truth, np.float32), np.asarray(predicted, np.float32)
    t, p = truth.astype(float), predicted.astype(float)
    r2 = metrics.r2_score(t, p)
    return {
        "truth": truth, "predicted": predicted, "r2": None if np.isnan(r2) else r2,
        "rmse": metrics.root_mean_squared_error(t, p), "mae": metrics.mean_absolute_error(t, p),
        "mape": metrics.mean_absolute_percentage_error(t, p),
        "residuals": np.quantile(p - t, [0.05, 0.25, 0.5, 0.75, 0.95]),
    }


def regression_cases(rng):
    truth = rng.normal(101325, 5, 60)
    return {
        "far from zero": regression(truth, truth + rng.normal(0, 2, 60)),
        "worse than the mean": regression([1, 2, 3], [3, 2, 1]),
        "constant truth, perfect": regression([4, 4, 4], [4, 4, 4]),
        "constant truth, wrong": regression([4, 4, 4], [4, 4, 5]),
        "one row": regression([4], [5]),
    }


def anomaly(truth, alarms):
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(
        truth, alarms, average="binary", zero_division=0)
    tn, fp, fn, tp = metrics.confusion_matrix(truth, alarms, labels=[False, True]).ravel()
    return {"truth": truth, "alarms": alarms, "precision": precision, "recall": recall, "f1": f1,
            "counts": [tp, fp, tn, fn]}


def anomaly_cases(rng):
    truth = rng.random(50) < 0.3
    return {
        "usual": anomaly(truth.tolist(), (truth ^ (rng.random(50) < 0.2)).tolist()),
        "no alarms": anomaly([True, False], [False, False]),
        "no anomalies": anomaly([False, False], [True, False]),
        "neither": anomaly([False, False], [False, False]),
    }


def features(rng, rows, width):
    """Correlated features on very different scales, one of them constant."""
    mixed = rng.normal(size=(rows, width)) @ rng.normal(size=(width, width))
    x = mixed * np.logspace(-2, 2, width) + np.linspace(-50, 50, width)
    x[:, 1] = 3.25
    return x.astype(np.float32)


def logistic(rng, rows, width, classes, c, balanced=False, weighted=False):
    x = features(rng, rows, width)
    z = StandardScaler().fit_transform(x.astype(float))
    truth = (z @ rng.normal(size=(width, classes)) + rng.gumbel(size=(rows, classes))).argmax(1)
    weights = rng.uniform(0.5, 2, rows).astype(np.float32) if weighted else None
    sw = None if weights is None else weights.astype(float)
    scaler = StandardScaler().fit(x.astype(float), sample_weight=sw)
    z = scaler.transform(x.astype(float))
    model = LogisticRegression(
        C=c, tol=1e-12, max_iter=100_000, class_weight="balanced" if balanced else None)
    model.fit(z, truth, sample_weight=sw)
    return {"x": x, "target": truth, "classes": classes, "C": c, "balanced": balanced,
            "weights": weights, "coefficients": model.coef_, "constants": model.intercept_,
            "probabilities": model.predict_proba(z)}


def ridge(rng, rows, width, alpha, weighted=False):
    x = features(rng, rows, width)
    weights = rng.uniform(0.5, 2, rows).astype(np.float32) if weighted else None
    sw = None if weights is None else weights.astype(float)
    z = StandardScaler().fit(x.astype(float), sample_weight=sw).transform(x.astype(float))
    y = (z @ rng.normal(size=width) + rng.normal(size=rows) + 20).astype(np.float32)
    model = Ridge(alpha=alpha, solver="svd", tol=1e-14).fit(z, y.astype(float), sample_weight=sw)
    return {"x": x, "target": y, "alpha": alpha, "weights": weights,
            "coefficients": model.coef_, "constant": model.intercept_,
            "predicted": model.predict(z)}


def importance(rng, task):
    """Mean and deviation over so many repeats that they hardly hang on the random orders."""
    x = features(rng, 150, 4)
    z = StandardScaler().fit_transform(x.astype(float))
    drive = z @ [2.0, 1.0, 0.3, 0.0] + rng.normal(size=150)
    if task == "regression":
        target = drive.astype(np.float32)
        model, figure = Ridge(alpha=1.0, solver="svd", tol=1e-14), "r2"
    else:
        target = (drive > 0.5).astype(int)
        model, figure = LogisticRegression(C=1.0, tol=1e-12, max_iter=100_000), "balanced_accuracy"
    model = make_pipeline(StandardScaler(), model).fit(x.astype(float), target)
    found = permutation_importance(
        model, x.astype(float), target, scoring=figure, n_repeats=REPEATS, random_state=5)
    return {"x": x, "target": target, "repeats": REPEATS,
            "baseline": metrics.get_scorer(figure)(model, x.astype(float), target),
            "mean": found.importances_mean, "deviation": found.importances_std}


REPEATS = 1000


def t2q(rng, components):
    x = features(rng, 400, 6)
    train, calibration, test = x[:150].astype(float), x[150:350], x[350:]
    test = (test + rng.normal(size=test.shape) * test.std(axis=0)).astype(np.float32)
    scaler = StandardScaler().fit(train)
    pca = PCA(n_components=components, svd_solver="full").fit(scaler.transform(train))

    def distances(rows):
        z = scaler.transform(rows.astype(float))
        t = pca.transform(z)
        off = z - pca.inverse_transform(t)
        return (t * t / pca.explained_variance_).sum(axis=1), (off * off).sum(axis=1)

    rate, count = 0.02, len(calibration)
    at = int(np.ceil((count + 1) * (1 - rate) - 1e-9)) - 1
    t2, q = distances(calibration)
    limits = np.sort(t2)[at], np.sort(q)[at]
    line = np.sort(np.maximum(t2 / limits[0], q / limits[1]))[at]
    t2, q = distances(test)
    return {"train": x[:150], "calibration": calibration, "test": test, "rate": rate,
            "n_components": components, "components": pca.n_components_, "limits": limits,
            "line": line, "scores": np.maximum(t2 / limits[0], q / limits[1]) / line}


def curves(truth, scores):
    """Every threshold, from the highest to the lowest; the first lies above all scores."""
    truth, scores = np.asarray(truth), np.asarray(scores, np.float32)
    fpr, tpr, thresholds = metrics.roc_curve(truth, scores, drop_intermediate=False)
    precision, recall, _ = metrics.precision_recall_curve(truth, scores)
    # scikit-learn keeps thresholds beyond full recall too; from the lowest to the highest.
    return {"truth": truth, "scores": scores, "area": metrics.roc_auc_score(truth, scores),
            "average_precision": metrics.average_precision_score(truth, scores),
            "false_positive_rates": fpr, "true_positive_rates": tpr, "thresholds": thresholds[1:],
            "precisions": precision[::-1], "recalls": recall[::-1]}


def curve_cases(rng):
    truth = rng.random(80) < 0.4
    noisy = truth * 0.8 + rng.normal(size=80)
    return {
        "noisy": curves(truth, noisy),
        "many ties": curves(truth, np.round(noisy)),
        "perfect": curves([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9]),
        "the wrong way round": curves([0, 0, 1, 1], [0.9, 0.8, 0.2, 0.1]),
        "all equal": curves([0, 1, 1], [0.5, 0.5, 0.5]),
        "zeros of both signs": curves([0, 1, 0, 1], [0.0, -0.0, -1.0, 1.0]),
        "more points than are kept": curves(rng.random(900) < 0.3, rng.random(900)),
    }


def histogram(values):
    values = np.asarray(values, np.float64)
    width = 2 * np.subtract(*np.percentile(values, [75, 25])) / np.cbrt(len(values))
    span = values.max() - values.min()
    count = 5 if span == 0 else 100 if width == 0 else int(np.clip(np.ceil(span / width), 5, 100))
    counts, edges = np.histogram(values, bins=count)
    return {"values": values, "counts": counts, "edges": edges}


def histogram_cases(rng):
    return {
        "normal": histogram(rng.normal(3, 2, 500)),
        "heavy tails": histogram(rng.standard_t(1.5, 400)),
        "few": histogram([1, 2, 4]),
        "equal": histogram([2.5, 2.5, 2.5]),
        "equal quartiles": histogram([0, 0, 0, 0, 0, 0, 0, 1, -3]),
        "on the edges": histogram(np.arange(101) / 4),
    }


def main():
    rng = np.random.default_rng(20)
    reference = {
        "classification": classification_cases(rng),
        "regression": regression_cases(rng),
        "anomaly": anomaly_cases(rng),
        "logistic": {
            "two classes": logistic(rng, 150, 5, 2, 1.0),
            "four classes": logistic(rng, 200, 6, 4, 0.3),
            "balanced and weighted": logistic(rng, 120, 4, 3, 5.0, True, True),
            "wide": logistic(rng, 12, 20, 3, 1.0),
        },
        "ridge": {
            "tall": ridge(rng, 100, 6, 1.0),
            "weighted": ridge(rng, 80, 5, 3.0, True),
            "wide": ridge(rng, 12, 25, 0.5),
        },
        "t2q": {"share": t2q(rng, 0.8), "number": t2q(rng, 2)},
        "curves": curve_cases(rng),
        "histogram": histogram_cases(rng),
        "importance": {task: importance(rng, task) for task in ("regression", "classification")},
    }
    path = Path(__file__).with_name("reference.json")
    path.write_text(json.dumps(plain(reference), separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
