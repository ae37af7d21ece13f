using static TorchSharp.torch;

namespace Marrow;

/// <summary>Losses of classification; computed in 32 bits for logits of 16.</summary>
public static class Losses
{
    /// <summary>Labels as probabilities: 1 − smoothing for the label, and smoothing shared by all classes.</summary>
    /// <param name="labels">[n], int64.</param>
    /// <param name="classes">How many classes.</param>
    /// <param name="smoothing">0 to 1.</param>
    /// <returns>[n, classes], float32.</returns>
    public static Tensor SmoothTargets(Tensor labels, int classes, double smoothing)
    {
        using var scope = NewDisposeScope();
        return scope.MoveToOuter(nn.functional.one_hot(labels, classes).to(ScalarType.Float32).mul_(
            1 - smoothing).add_(smoothing / classes));
    }

    /// <summary>Cross entropy with probabilities as targets, mean over the batch.</summary>
    /// <param name="logits">[n, classes].</param>
    /// <param name="targets">[n, classes].</param>
    public static Tensor CrossEntropy(Tensor logits, Tensor targets)
    {
        using var scope = NewDisposeScope();
        return scope.MoveToOuter(-(targets * nn.functional.log_softmax(Wide(logits), 1)).sum([1]).mean());
    }

    /// <summary>
    /// What a student learns from its teacher: <c>soft · CE(student, softmax(teacher)) + hard · CE(student, argmax
    /// teacher)</c>.
    /// </summary>
    /// <param name="student">Logits [n, classes].</param>
    /// <param name="teacher">Logits [n, classes]; constant.</param>
    /// <param name="soft">Weight of the soft part.</param>
    /// <param name="hard">Weight of the hard part.</param>
    public static Tensor Distillation(Tensor student, Tensor teacher, double soft, double hard)
    {
        using var scope = NewDisposeScope();
        var constant = Wide(teacher.detach());
        var loss = CrossEntropy(student, nn.functional.softmax(constant, 1)) * soft;
        return scope.MoveToOuter(
            hard == 0 ? loss : loss + (nn.functional.cross_entropy(Wide(student), constant.argmax(1)) * hard));
    }

    private static Tensor Wide(Tensor logits) => logits.to(Optimizer.StateType(logits));
}
