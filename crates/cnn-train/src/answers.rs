//! What a model answers to every image of a data set, and which of its mistakes it was surest of.

use crate::error::TrainError;
use crate::trainer::Trainer;
use cnn_data::Split;
use serde::Serialize;

/// The answer to one image.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Answer {
    /// Position of the image in its split.
    pub index: usize,
    /// Its class.
    pub truth: usize,
    /// The class with the largest probability; of equal ones the first.
    pub predicted: usize,
    /// The probability of the predicted class, 0 to 1: how sure the model is.
    pub confidence: f32,
    /// The probability that the model gave to the right class, 0 to 1.
    pub truth_probability: f32,
    /// Σ (p − t)² over the classes, t being 1 for the right class and 0 for the others: 0 to 2.
    pub squared_error: f32,
}

impl Answer {
    /// The answer that these probabilities are.
    pub fn new(index: usize, truth: usize, probabilities: &[f32]) -> Self {
        let predicted = argmax(probabilities);
        let off = |(class, &p): (usize, &f32)| {
            (f64::from(p) - f64::from(u8::from(class == truth))).powi(2)
        };
        Self {
            index,
            truth,
            predicted,
            confidence: probabilities[predicted],
            truth_probability: probabilities[truth],
            squared_error: probabilities.iter().enumerate().map(off).sum::<f64>() as f32,
        }
    }

    /// Whether the predicted class is the right one.
    pub fn is_right(&self) -> bool {
        self.truth == self.predicted
    }

    /// −ln of the probability that the model gave to the right class. A probability below the smallest normal f32 counts as that:
    /// 87.3 at most.
    pub fn cross_entropy(&self) -> f64 {
        -f64::from(self.truth_probability.max(f32::MIN_POSITIVE)).ln()
    }
}

impl Trainer {
    /// Probabilities of each class for images given as in [`Trainer::predict`]: one row of [`Trainer::classes`] numbers per
    /// image, which sum to 1 whatever the model ends in (see [`cnn_nn::loss::Loss::probabilities`]).
    ///
    /// # Errors
    /// Numbers that are not a whole number of images.
    pub fn probabilities(&mut self, images: &[f32]) -> Result<Vec<f32>, TrainError> {
        let outputs = self.predict(images)?;
        let mut rows = vec![0.0; outputs.len() / self.outputs() * self.classes()];
        let pairs = outputs.chunks_exact(self.outputs()).zip(rows.chunks_exact_mut(self.classes()));
        pairs.for_each(|(output, row)| self.loss.probabilities(output, row));
        Ok(rows)
    }

    /// The model's answer to every image of a data set, in inference mode. Its probabilities are those of
    /// [`Trainer::probabilities`].
    ///
    /// # Errors
    /// Data that does not fit the model.
    pub fn answers(&mut self, split: &Split) -> Result<Vec<Answer>, TrainError> {
        /// Images at a time: bounds the memory for probabilities.
        const CHUNK: usize = 8192;
        self.check_split(split, "test data")?;
        let mut row = vec![0.0; self.classes()];
        let indices: Vec<u32> = (0..split.len() as u32).collect();
        let mut answers = Vec::with_capacity(split.len());
        for chunk in indices.chunks(CHUNK) {
            let outputs = self.predict_split(split, chunk)?;
            for (output, &i) in outputs.chunks_exact(self.outputs()).zip(chunk) {
                self.loss.probabilities(output, &mut row);
                let (index, truth) = (i as usize, split.labels[i as usize] as usize);
                answers.push(Answer::new(index, truth, &row));
            }
        }
        Ok(answers)
    }
}

/// The wrong answers that the model was surest of, the surest first; of equal ones the first in the data set.
pub fn most_confident_mistakes(answers: &[Answer], count: usize) -> Vec<Answer> {
    let mut wrong: Vec<Answer> =
        answers.iter().filter(|answer| !answer.is_right()).copied().collect();
    wrong.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    wrong.truncate(count);
    wrong
}

/// The answers with the highest cross-entropy of the given label, the highest first; of equal ones the surest, then the first in
/// the data set: candidates for wrong labels. A wrong label that the model learned by heart has a low cross-entropy and is not
/// among them. Compare Northcutt, Jiang & Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels" (JAIR 70, 2021),
/// which also weighs how sure the model is of each class.
pub fn suspects(answers: &[Answer], count: usize) -> Vec<Answer> {
    let mut order = answers.to_vec();
    order.sort_by(|a, b| {
        let of_label = a.truth_probability.total_cmp(&b.truth_probability);
        of_label.then(b.confidence.total_cmp(&a.confidence)).then(a.index.cmp(&b.index))
    });
    order.truncate(count);
    order
}

/// Position of the largest number, the first of equals; 0 if none is a number.
pub(crate) fn argmax(row: &[f32]) -> usize {
    let mut best = 0;
    for (i, &value) in row.iter().enumerate() {
        if value > row[best] || row[best].is_nan() {
            best = i;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(index: usize, predicted: usize, confidence: f32) -> Answer {
        Answer {
            index,
            truth: 0,
            predicted,
            confidence,
            truth_probability: 0.0,
            squared_error: 0.0,
        }
    }

    #[test]
    fn the_surest_mistakes_come_first_and_right_answers_never() {
        let answers = [
            answer(0, 1, 0.5),
            answer(1, 0, 1.0),
            answer(2, 2, 0.9),
            answer(3, 1, 0.5),
            answer(4, 1, 0.7),
        ];
        let order = |count| {
            most_confident_mistakes(&answers, count).iter().map(|a| a.index).collect::<Vec<_>>()
        };
        assert_eq!(order(9), [2, 4, 0, 3]);
        assert_eq!(order(2), [2, 4]);
    }

    #[test]
    fn suspects_are_those_whose_label_is_least_likely() {
        let with = |index, confidence, truth_probability| Answer {
            truth_probability,
            ..answer(index, 1, confidence)
        };
        let answers = [
            with(0, 0.6, 0.4),
            with(1, 0.9, 0.0),
            with(2, 0.95, 0.0),
            with(3, 0.5, 0.5),
            with(4, 0.9, 0.0),
        ];
        let order: Vec<usize> = suspects(&answers, 4).iter().map(|a| a.index).collect();
        assert_eq!(order, [2, 1, 4, 0]);
        assert!((answers[3].cross_entropy() - 0.5_f64.ln().abs()).abs() < 1e-12);
        assert!((answers[1].cross_entropy() - 87.336).abs() < 1e-3);
    }

    #[test]
    fn ties_go_to_the_first_class() {
        let rows: [&[f32]; 4] = [&[0.5, 0.5], &[0.1, 0.9, 0.9], &[f32::NAN, 0.2, 0.1], &[f32::NAN]];
        assert_eq!(rows.map(argmax), [0, 1, 1, 0]);
    }
}
