using TorchSharp;
using static TorchSharp.torch;

namespace Marrow.Checkpoints;

/// <summary>A tensor to write. Its values may be made only when its turn comes, so that not all exist at once.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Its element type.</param>
/// <param name="Shape">Its sizes.</param>
/// <param name="IsMeta">Whether it has no values.</param>
/// <param name="Values">Gives it; what is made for it belongs to the present dispose scope.</param>
internal sealed record PendingTensor(
    string Name, ScalarType Type, IReadOnlyList<long> Shape, bool IsMeta, Func<Tensor> Values)
{
    /// <summary>A tensor that is there.</summary>
    public static PendingTensor Of(string name, Tensor value) =>
        new(name, value.dtype, value.shape, value.device_type == DeviceType.META, () => value);
}
