namespace Marrow;

/// <summary>How a training measures what its model can do, and whether it ends when that grows no better.</summary>
/// <param name="Measure">
/// Measures the model: accuracy or loss on data that it is not trained on. The model is in evaluation mode, with its
/// averaged parameters if there are any; there are no gradients, and what tensors are made are freed.
/// </param>
/// <param name="Every">Steps between two measurements; the last step is measured too.</param>
/// <param name="HigherIsBetter">Whether a higher score is better (accuracy), or a lower one (loss).</param>
/// <param name="Patience">
/// After how many measurements without a better one the training ends. The state that was measured best is kept, in
/// checkpoints too, and at the end the model has it; <see cref="int.MaxValue"/> keeps it and takes all steps. Null:
/// scores are only noted.
/// </param>
public sealed record Evaluation(Func<double> Measure, int Every, bool HigherIsBetter, int? Patience = null);
