using static TorchSharp.torch;

namespace Marrow;

/// <summary>
/// The loss of a batch and how much it counts: where several batches make one step, each counts by its share of their
/// weights, so that the step is that of one large batch. A mean over tokens weighs as many as there are tokens. A step
/// whose batches all weigh 0 moves nothing, and its loss is 0.
/// </summary>
/// <param name="Mean">The loss, a scalar with its graph: a mean over whatever <paramref name="Weight"/>
/// counts.</param>
/// <param name="Weight">0 or more; a batch that weighs 0 is left out.</param>
public readonly record struct BatchLoss(Tensor Mean, double Weight);
