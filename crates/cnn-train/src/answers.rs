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
    fn ties_go_to_the_first_class() {
        let rows: [&[f32]; 4] = [&[0.5, 0.5], &[0.1, 0.9, 0.9], &[f32::NAN, 0.2, 0.1], &[f32::NAN]];
        assert_eq!(rows.map(argmax), [0, 1, 1, 0]);
    }
}
