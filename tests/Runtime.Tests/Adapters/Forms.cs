using Marrow.CompilerServices;
using static TorchSharp.torch;

namespace Marrow.Tests.Adapters;

/// <summary>
/// Every adapter at sizes that divide and sizes that do not, with and without bias, constant and not.
/// </summary>
internal static class Forms
{
    public static readonly IReadOnlyDictionary<string, Func<OneLinear>> All = new Dictionary<string, Func<OneLinear>>
    {
        ["row"] = () => new Row(12, 8, true, 4),
        ["row, one block"] = () => new Row(6, 6, false, 6),
        ["row, ten groups"] = () => new Row(4, 40, false, 4),
        ["row, constant"] = () => new Row12To8(),
        ["column"] = () => new Column(12, 8, true, 4),
        ["column, one block"] = () => new Column(6, 6, false, 6),
        ["column, constant"] = () => new Column12To8(),
        ["free"] = () => new Free(12, 7, true, 4),
        ["free, padded"] = () => new Free(10, 7, false, 4),
        ["free, block larger than the input"] = () => new Free(3, 7, false, 4),
        ["free, constant"] = () => new Free12To7(),
        ["free, constant, padded"] = () => new Free10To7(),
        ["free, dropout"] = () => new FreeDropout(10, 7, true),
        ["mini"] = () => new Mini(12, 8, true, 4, 2),
        ["mini, padded"] = () => new Mini(10, 6, false, 4, 3),
        ["mini, constant"] = () => new Mini12To8(),
        ["mini, constant, padded, dropout"] = () => new MiniDropout10To6(),
        ["lora"] = () => new Lora(12, 8, true, 3, 6),
        ["lora, constant, scale 1"] = () => new Lora12To8(),
        ["lora, rank stabilized"] = () => new LoraStabilized5To8(),
        ["lora, dropout"] = () => new LoraDropout12To8(),
        ["pissa"] = () => new Pissa(12, 8, true, 3, 6),
        ["pissa, fast, rank stabilized"] = () => new PissaFast20To16(),
        ["olora"] = () => new Olora12To8(),
        ["lora-ga"] = () => new LoraGa12To8(),
        ["dora"] = () => new Dora(12, 8, true, 3, 6),
        ["dora, constant, scale 1"] = () => new Dora12To8(),
        ["dora, dropout"] = () => new DoraDropout12To8(),
        ["dora, pissa"] = () => new DoraPissa12To8(),
    };

    /// <summary>Sizes that the float32 kernels take, of one block of steps and of several.</summary>
    public static readonly IReadOnlyDictionary<string, Func<OneLinear>> Wide = new Dictionary<string, Func<OneLinear>>
    {
        ["wide row"] = () => new Row(192, 128, true, 16),
        ["long row"] = () => new Row(1152, 96, false, 48),
        ["wide column"] = () => new Column(192, 128, true, 16),
        ["wide free"] = () => new Free(200, 128, true, 32),
        ["long free"] = () => new Free(1104, 48, false, 24),
        ["wide mini"] = () => new Mini(192, 128, true, 32, 16),
        ["wide lora"] = () => new Lora(192, 128, true, 20, 10),
        ["long lora"] = () => new Lora(1100, 80, false, 36, 36),
        ["wide dora"] = () => new Dora(192, 128, true, 20, 10),
    };

    /// <summary>The layer with adapter values that are not its starting ones, which are often zero.</summary>
    public static AdaptedLinear Create(string form, ScalarType type)
    {
        manual_seed(11);
        using var on = Construction.On(CPU, type);
        return Create(All[form]);
    }

    /// <inheritdoc cref="Create(string, ScalarType)"/>
    public static AdaptedLinear CreateWide(string form)
    {
        manual_seed(12);
        return Create(Wide[form]);
    }

    private static AdaptedLinear Create(Func<OneLinear> form)
    {
        var layer = (AdaptedLinear)form().Layer;
        using var noGrad = no_grad();
        foreach (var (_, value) in layer.Adapter) value.normal_(0, 0.3);
        layer.Adaptation.IsStarted = true;
        return layer;
    }
}
