"""Peers of `learn`'s bench `estimators`: scikit-learn, LightGBM and PyOD on the same rows, on one thread.

Prints the same JSON lines, with the peer's name: seconds are the smallest of three, in processor time.
"""

import json
import time
import warnings

import lightgbm
import numpy as np
from forest_sklearn import table
from pyod.models.ecod import ECOD
from pyod.models.hbos import HBOS
from pyod.models.iforest import IForest
from pyod.models.knn import KNN
from pyod.models.lof import LOF
from sklearn.ensemble import (
    ExtraTreesClassifier, ExtraTreesRegressor, HistGradientBoostingClassifier,
    HistGradientBoostingRegressor)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

warnings.filterwarnings("ignore")
TEST_ROWS, FITS, CLASSES, VALUES = 5000, 3, 1, 2


def smallest(act):
    best, found = float("inf"), None
    for _ in range(FITS):
        start = time.process_time()
        found = act()
        best = min(best, time.process_time() - start)
    return best, found


def supervised(name, peer, rows, target, make, scaled=False):
    train, test = table(1_000_000, rows), table(2_000_000, TEST_ROWS)
    x, x_test = train[0], test[0]
    if scaled:
        scaler = StandardScaler().fit(x)
        x, x_test = scaler.transform(x), scaler.transform(x_test)
    fit_s, model = smallest(lambda: make().fit(x, train[target]))
    answer = model.predict_proba if target == CLASSES else model.predict
    answer_s, _ = smallest(lambda: answer(x_test))
    print(json.dumps({"name": f"{name}_{rows}x60", "peer": peer, "fit_s": fit_s, "answer_s": answer_s,
                      "quality": model.score(x_test, test[target])}), flush=True)


def detector(name, rows, make, scaled=False):
    x = table(1_000_000, rows)[0].astype(float)
    x = StandardScaler().fit_transform(x) if scaled else x
    fit_s, model = smallest(lambda: make().fit(x))
    answer_s, _ = smallest(lambda: model.decision_function(x))
    print(json.dumps({"name": f"{name}_{rows}x60", "peer": "PyOD", "fit_s": fit_s,
                      "answer_s": answer_s}), flush=True)


if __name__ == "__main__":
    trees = {"n_estimators": 100, "n_jobs": 1, "random_state": 1}
    light = {"n_estimators": 100, "num_threads": 1, "verbose": -1, "seed": 1}
    hist = {"early_stopping": False, "random_state": 1}
    for rows, leaf in ((10_000, 1), (100_000, 5)):
        supervised("extra_trees_classifier", "scikit-learn", rows, CLASSES,
                   lambda: ExtraTreesClassifier(**trees, min_samples_leaf=leaf))
    for rows in (10_000, 100_000):
        for peer, make in (("LightGBM", lambda: lightgbm.LGBMClassifier(**light)),
                           ("scikit-learn", lambda: HistGradientBoostingClassifier(**hist))):
            supervised("gradient_boosting_classifier", peer, rows, CLASSES, make)
        for peer, make in (("LightGBM", lambda: lightgbm.LGBMRegressor(**light)),
                           ("scikit-learn", lambda: HistGradientBoostingRegressor(**hist))):
            supervised("gradient_boosting_regressor", peer, rows, VALUES, make)
    supervised("extra_trees_regressor", "scikit-learn", 5000, VALUES,
               lambda: ExtraTreesRegressor(**trees))
    supervised("decision_tree_classifier", "scikit-learn", 10_000, CLASSES,
               lambda: DecisionTreeClassifier(random_state=1))
    supervised("k_neighbors_classifier", "scikit-learn", 5000, CLASSES,
               lambda: KNeighborsClassifier(n_jobs=1), scaled=True)
    detector("isolation_forest", 20_000, lambda: IForest(n_jobs=1, random_state=1))
    detector("hbos", 20_000, HBOS)
    detector("ecod", 20_000, ECOD)
    detector("k_neighbors_detector", 5000, lambda: KNN(n_jobs=1), scaled=True)
    detector("local_outlier_factor", 5000, lambda: LOF(n_jobs=1, novelty=True), scaled=True)
