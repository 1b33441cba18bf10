"""Reference answers of estimators on several data sets, from scikit-learn and PyOD.

Writes estimators.json beside this file: `python3 trainer/learn/tests/reference/estimators.py`. Features are
standardised with 32-bit constants, as in the graphs, so that only the estimators are compared.
"""

import json
import os
import warnings
from pathlib import Path

# Threads that wait for each other make the small fits here slow.
os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
from pyod.models.ecod import ECOD
from pyod.models.hbos import HBOS
from pyod.models.knn import KNN
from sklearn import datasets, metrics
from sklearn.covariance import EmpiricalCovariance, LedoitWolf, ShrunkCovariance
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import (
    ExtraTreesClassifier, ExtraTreesRegressor, HistGradientBoostingClassifier,
    HistGradientBoostingRegressor, IsolationForest, RandomForestClassifier)
from sklearn.linear_model import ElasticNet
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor, LocalOutlierFactor
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

warnings.filterwarnings("ignore")
SEEDS = 10


def plain(value):
    """JSON without NumPy's types; answers keep nine digits."""
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return float(f"{value:.9g}")
    return value


class Data:
    """A data set in two parts; features are 32-bit floats with at most five digits."""

    def __init__(self, x, y, rng, test_rows, kind):
        order = rng.permutation(len(x))
        x = np.array([[float(f"{value:.5g}") for value in row] for row in x[order]], np.float32)
        y = np.asarray(y)[order]
        self.train, self.test = x[:-test_rows], x[-test_rows:]
        self.y, self.y_test, self.kind = y[:-test_rows], y[-test_rows:], kind
        mean = self.train.astype(float).mean(axis=0).astype(np.float32)
        deviation = self.train.astype(float).std(axis=0)
        factor = np.array([1 / d if d > 0 else 0 for d in deviation], np.float32)
        scale = lambda rows: ((rows - mean) * factor).astype(float)
        self.z, self.z_test = scale(self.train), scale(self.test)

    def stored(self):
        return {"train": self.train, "test": self.test, "target": self.y, "test_target": self.y_test,
                "kind": self.kind}


def data_sets(rng):
    wine, cancer = datasets.load_wine(), datasets.load_breast_cancer()
    diabetes = datasets.load_diabetes(scaled=False)
    benign = cancer.data[cancer.target == 1]
    mixed = rng.normal(size=(300, 5)) @ rng.normal(size=(5, 5))
    mixed[150:] += 6
    ties = np.round(rng.normal(size=(260, 4)) * 2)
    ties[:, 3] = 7
    target = mixed[:, 0] * 2 + np.sin(mixed[:, 1]) + rng.normal(size=300) * 0.1
    return {
        "wine": Data(wine.data, wine.target, rng, 50, "classes"),
        "cancer": Data(cancer.data[:300], cancer.target[:300], rng, 80, "classes"),
        "diabetes": Data(diabetes.data, diabetes.target, rng, 100, "values"),
        "curve": Data(mixed, target.astype(np.float32), rng, 80, "values"),
        "benign": Data(benign, np.zeros(len(benign)), rng, 60, "normal"),
        "two clouds": Data(mixed, np.zeros(300), rng, 60, "normal"),
        "many ties, one constant": Data(ties, np.zeros(260), rng, 60, "normal"),
    }


def classification(sets, rng):
    cases = []

    def case(data, estimator, parameters, model, scaled=True):
        d = sets[data]
        train, test = (d.z, d.z_test) if scaled else (d.train, d.test)
        answers = model.fit(train, d.y).predict_proba(test)
        cases.append({"data": data, "estimator": estimator, "parameters": parameters, "answers": answers})

    for data in ("wine", "cancer"):
        case(data, "gaussian_nb", {}, GaussianNB())
        case(data, "gaussian_nb", {"var_smoothing": 0.05}, GaussianNB(var_smoothing=0.05))
        case(data, "linear_discriminant_analysis", {}, LinearDiscriminantAnalysis())
        case(data, "linear_discriminant_analysis", {"shrinkage": 0.3},
             LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.3))
        case(data, "k_neighbors_classifier", {}, KNeighborsClassifier())
        case(data, "k_neighbors_classifier", {"n_neighbors": 9, "weights": "distance"},
             KNeighborsClassifier(9, weights="distance"))
        d = sets[data]
        for depth, leaf in ((3, 8), (6, 4)):
            # With weights no two features divide a node equally well but by dividing it alike; then
            # the training rows are answered alike.
            weights = rng.uniform(0.5, 2, len(d.train)).astype(np.float32)
            tree = DecisionTreeClassifier(max_depth=depth, min_samples_leaf=leaf, random_state=0)
            tree.fit(d.train, d.y, sample_weight=weights.astype(float))
            cases.append({"data": data, "estimator": "decision_tree_classifier", "weights": weights,
                          "parameters": {"max_depth": depth, "min_samples_leaf": leaf},
                          "answers": tree.predict_proba(d.train)})
    return cases


def regression(sets):
    cases = []

    def case(data, estimator, parameters, model, scaled=True, unit=False):
        d = sets[data]
        train, test = (d.z, d.z_test) if scaled else (d.train, d.test)
        y = d.y.astype(np.float32).astype(float)
        mean, deviation = (y.mean(), y.std()) if unit else (0, 1)
        answers = model.fit(train, (y - mean) / deviation).predict(test) * deviation + mean
        cases.append({"data": data, "estimator": estimator, "parameters": parameters, "answers": answers})

    for data in ("diabetes", "curve"):
        for alpha, share in ((0.01, 0.5), (0.1, 0.9), (0.05, 1.0)):
            case(data, "elastic_net", {"alpha": alpha, "l1_ratio": share, "tol": 1e-12},
                 ElasticNet(alpha=alpha, l1_ratio=share, tol=1e-12, max_iter=100_000), unit=True)
        case(data, "k_neighbors_regressor", {}, KNeighborsRegressor())
        case(data, "k_neighbors_regressor", {"n_neighbors": 7, "weights": "distance"},
             KNeighborsRegressor(7, weights="distance"))
        case(data, "decision_tree_regressor", {"max_depth": 4, "min_samples_leaf": 10},
             DecisionTreeRegressor(max_depth=4, min_samples_leaf=10, random_state=0), False)
    return cases


def anomaly(sets):
    cases = []

    def case(data, estimator, parameters, scores):
        cases.append({"data": data, "estimator": estimator, "parameters": parameters, "answers": scores})

    for data in ("benign", "two clouds", "many ties, one constant"):
        d = sets[data]
        for shrinkage, model in (("auto", LedoitWolf()), (0.2, ShrunkCovariance(shrinkage=0.2))):
            case(data, "mahalanobis", {"shrinkage": shrinkage},
                 np.sqrt(model.fit(d.z).mahalanobis(d.z_test)))
        # Independent features have no directions of their own: all of them would be needed.
        for components in (2,) if data == "many ties, one constant" else (2, 0.9):
            pca = PCA(n_components=components, svd_solver="full").fit(d.z)
            off = d.z_test - pca.inverse_transform(pca.transform(d.z_test))
            case(data, "pca", {"n_components": components}, np.sqrt((off ** 2).sum(axis=1)))
        for method in ("largest", "mean"):
            case(data, "k_neighbors_detector", {"method": method, "n_neighbors": 6},
                 KNN(n_neighbors=6, method=method).fit(d.z).decision_function(d.z_test))
        if data != "many ties, one constant":
            # Among equally near neighbours the search of scikit-learn takes any.
            lof = LocalOutlierFactor(n_neighbors=15, novelty=True).fit(d.z)
            case(data, "local_outlier_factor", {"n_neighbors": 15}, -lof.score_samples(d.z_test))
        varying = d.train.std(axis=0) > 0
        deviation = d.train.astype(float).std(axis=0)[varying]
        units = lambda rows: rows.astype(float)[:, varying] / deviation
        # PyOD counts a value on an edge in one bin and scores it by the other.
        for bins in () if data == "many ties, one constant" else (10, 25):
            hbos = HBOS(n_bins=bins).fit(units(d.train))
            usual = (-np.log2(hbos.hist_ + hbos.alpha)).min(axis=0).sum()
            scores = hbos.decision_function(units(d.test)) - usual
            case(data, "hbos", {"n_bins": bins}, scores)
        ecod = ECOD().fit(d.train.astype(float)[:, varying])
        one = lambda row: ecod.decision_function(row.astype(float)[None, varying])[0]
        case(data, "ecod", {}, np.array([one(row) for row in d.test]))
    d = sets["benign"]
    case("benign", "mahalanobis", {"shrinkage": 0.0},
         np.sqrt(EmpiricalCovariance().fit(d.z).mahalanobis(d.z_test)))
    return cases


def quality(sets):
    """Mean and standard deviation of what ten seeds reach."""
    cases = []

    def case(data, estimator, parameters, make, score):
        d = sets[data]
        found = [score(make(seed).fit(d.train, d.y), d) for seed in range(SEEDS)]
        cases.append({"data": data, "estimator": estimator, "parameters": parameters,
                      "mean": np.mean(found), "deviation": np.std(found)})

    loss = lambda model, d: metrics.log_loss(d.y_test, model.predict_proba(d.test).astype(np.float32))
    error = lambda model, d: metrics.root_mean_squared_error(d.y_test, model.predict(d.test))

    def area(model, d):
        """Telling the test rows from the same rows whose features come from rows 0, 7, 14, … further on."""
        broken = np.column_stack([np.roll(column, at * 7) for at, column in enumerate(d.test.T)])
        scores = -np.r_[model.score_samples(d.test), model.score_samples(broken)]
        return metrics.roc_auc_score(np.r_[np.zeros(len(d.test)), np.ones(len(broken))], scores)

    trees = {"n_estimators": 50}
    for data in ("wine", "cancer"):
        case(data, "random_forest_classifier", trees,
             lambda seed: RandomForestClassifier(50, random_state=seed, min_samples_leaf=1), loss)
        case(data, "extra_trees_classifier", trees,
             lambda seed: ExtraTreesClassifier(50, random_state=seed), loss)
        case(data, "gradient_boosting_classifier", {"max_iter": 30, "early_stopping": False},
             lambda seed: HistGradientBoostingClassifier(max_iter=30, early_stopping=False,
                                                         random_state=seed), loss)
    for data in ("diabetes", "curve"):
        case(data, "extra_trees_regressor", trees,
             lambda seed: ExtraTreesRegressor(50, random_state=seed), error)
        case(data, "gradient_boosting_regressor", {"max_iter": 50, "early_stopping": False},
             lambda seed: HistGradientBoostingRegressor(max_iter=50, early_stopping=False,
                                                        random_state=seed), error)
    for data in ("benign", "two clouds"):
        case(data, "isolation_forest", {"n_estimators": 100},
             lambda seed: IsolationForest(n_estimators=100, random_state=seed), area)
    return cases


def main():
    rng = np.random.default_rng(8)
    sets = data_sets(rng)
    reference = {
        "data": {name: data.stored() for name, data in sets.items()},
        "classification": classification(sets, rng),
        "regression": regression(sets),
        "anomaly": anomaly(sets),
        "quality": quality(sets),
    }
    path = Path(__file__).with_name("estimators.json")
    path.write_text(json.dumps(plain(reference), separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
