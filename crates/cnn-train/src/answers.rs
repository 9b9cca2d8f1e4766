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
}

impl Answer {
    /// Whether the predicted class is the right one.
    pub fn is_right(&self) -> bool {
        self.truth == self.predicted
    }
}

impl Trainer {
    /// As [`Trainer::predict`], with a softmax over the numbers of a model that has none at its end: every row sums to 1.
    ///
    /// # Errors
    /// Numbers that are not a whole number of images.
    pub fn probabilities(&mut self, images: &[f32]) -> Result<Vec<f32>, TrainError> {
        let mut rows = self.predict(images)?;
        if !self.model.ends_in_softmax() {
            rows.chunks_exact_mut(self.classes()).for_each(softmax);
        }
        Ok(rows)
    }

    /// The model's answer to every image of a data set, in inference mode. A model without a softmax at its end gets one.
    ///
    /// # Errors
    /// Data that does not fit the model.
    pub fn answers(&mut self, split: &Split) -> Result<Vec<Answer>, TrainError> {
        /// Images at a time: bounds the memory for probabilities.
        const CHUNK: usize = 8192;
        self.check_split(split, "test data")?;
        let (k, logits) = (self.classes(), !self.model.ends_in_softmax());
        let indices: Vec<u32> = (0..split.len() as u32).collect();
        let mut answers = Vec::with_capacity(split.len());
        for chunk in indices.chunks(CHUNK) {
            let mut rows = self.predict_split(split, chunk)?;
            for (row, &i) in rows.chunks_exact_mut(k).zip(chunk) {
                if logits {
                    softmax(row);
                }
                let (index, truth) = (i as usize, split.labels[i as usize] as usize);
                let predicted = argmax(row);
                answers.push(Answer {
                    index,
                    truth,
                    predicted,
                    confidence: row[predicted],
                    truth_probability: row[truth],
                });
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

/// Turns logits into probabilities, in place.
fn softmax(row: &mut [f32]) {
    let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = row.iter().map(|&z| f64::from(z - largest).exp()).sum();
    for z in row {
        *z = (f64::from(*z - largest).exp() / sum) as f32;
    }
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
        Answer { index, truth: 0, predicted, confidence, truth_probability: 0.0 }
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
    fn softmax_of_large_logits_is_a_distribution() {
        let mut row = [1000.0, 1000.0 + 3.0_f32.ln(), -1000.0];
        softmax(&mut row);
        assert!(
            (row[0] - 0.25).abs() < 1e-4 && (row[1] - 0.75).abs() < 1e-4 && row[2] == 0.0,
            "{row:?}"
        );
    }

    #[test]
    fn ties_go_to_the_first_class() {
        let rows: [&[f32]; 4] = [&[0.5, 0.5], &[0.1, 0.9, 0.9], &[f32::NAN, 0.2, 0.1], &[f32::NAN]];
        assert_eq!(rows.map(argmax), [0, 1, 1, 0]);
    }
}
