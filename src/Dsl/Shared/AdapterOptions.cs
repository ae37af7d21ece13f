using System.Globalization;

namespace Marrow.Shared;

/// <summary>
/// The rules for an adapter's options, each with the option that breaks it. Compiled into the generator, which reports
/// them while you type, and into the runtime, which throws them where adapters are added at run time.
/// </summary>
internal static class AdapterOptions
{
    /// <summary>What is wrong with the options of Bone.</summary>
    /// <param name="form">Its form.</param>
    /// <param name="hasMiniRank">Whether MiniRank is given.</param>
    /// <param name="hasDropout">Whether Dropout is given.</param>
    public static IEnumerable<(string Option, string Message)> BoneFaults(
        BoneForm form, bool hasMiniRank, bool hasDropout)
    {
        if (form != BoneForm.Mini && hasMiniRank)
        {
            yield return ("MiniRank", $"Form {form} has no MiniRank; only Mini has");
        }

        if (form == BoneForm.Mini && !hasMiniRank)
        {
            yield return ("Form", "Form Mini needs MiniRank");
        }

        if (form is BoneForm.Row or BoneForm.Column && hasDropout)
        {
            yield return ("Dropout", $"Form {form} has no Dropout; Free and Mini have");
        }
    }

    /// <summary>What is wrong with the options of LoRA and DoRA.</summary>
    /// <param name="init">Where A and B start.</param>
    /// <param name="hasIterations">Whether Iterations is given.</param>
    /// <param name="iterations">Power iterations of PiSSA.</param>
    /// <param name="learningRateRatio">Rate of B as a multiple of A's.</param>
    /// <param name="alpha">Numerator of the scale, if it is known.</param>
    public static IEnumerable<(string Option, string Message)> LowRankFaults(
        LoraInit init, bool hasIterations, int iterations, double learningRateRatio, double? alpha)
    {
        if (init != LoraInit.Pissa && hasIterations)
        {
            yield return ("Iterations", $"Init {init} has no Iterations; only Pissa has");
        }

        if (iterations < 0)
        {
            yield return ("Iterations", $"Iterations {iterations} is negative");
        }

        if (!(learningRateRatio > 0) || double.IsInfinity(learningRateRatio))
        {
            yield return ("LearningRateRatio", Text($"LearningRateRatio {learningRateRatio} is not positive"));
        }

        if (alpha <= 0)
        {
            yield return ("Alpha", Text($"Alpha {alpha} is not positive"));
        }
    }

    /// <summary>What is wrong with a dropout, or null.</summary>
    public static string? DropoutFault(double? dropout) => dropout is < 0 or >= 1 or double.NaN
        ? Text($"Dropout {dropout} is not in 0 to 1 (1 excluded)")
        : null;

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
