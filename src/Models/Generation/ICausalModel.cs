namespace Marrow.Models;

/// <summary>A language model that predicts each token from those before it.</summary>
public interface ICausalModel : IModel
{
    /// <summary>The longest sequence, or null if there is no limit.</summary>
    int? Context { get; }

    /// <summary>
    /// Starts decoding sequences token by token; what is computed for a token is kept for the ones after it.
    /// </summary>
    /// <param name="batch">How many sequences.</param>
    Decoding StartDecoding(int batch);
}
